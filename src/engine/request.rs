//! What a caller asks: the shared parameters, defined once, and the reading of arguments for every tool.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::selection::{Pattern, Selection};
use crate::{
    aws::partition::{self, PARTITIONS},
    check::{Check, schema_of},
};

/// How the text of an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// A short summary with the largest findings.
    #[default]
    Markdown,
    /// The whole answer as JSON text.
    Json,
}

/// The parameters that every tool takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shared {
    /// Which accounts: ids, name patterns (web-*), ou:NAME or ou:PATH/OF/NAMES, tag:KEY=VALUE. All when absent.
    pub(crate) accounts: Vec<String>,
    /// Which accounts to leave out, named in the same ways.
    pub(crate) exclude_accounts: Vec<String>,
    /// Which regions. All that are enabled in each account when absent.
    pub(crate) regions: Vec<String>,
    /// How many findings to show at most. Totals always cover all of them.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) max_results: Option<i64>,
    /// The `next_cursor` of an earlier answer: reads on in that scan, which also goes on when it was cut by the deadline.
    pub(crate) cursor: Option<String>,
    /// How the text of the answer is written.
    pub(crate) format: Format,
    /// After how many seconds to answer with what has been seen so far.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) deadline_seconds: Option<i64>,
}

/// One check with its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) check: &'static Check,
    pub(crate) params: Map<String, Value>,
}

/// Arguments as read: the shared ones and the check's own.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) shared: Shared,
    pub(crate) asked: Asked,
}

/// What a scan is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) asked: Vec<Asked>,
    pub(crate) selection: Selection,
}

/// The parameters that the reference server called `period`.
const DAYS: &[&str] = &["lookback_days", "min_age_days"];
/// Parameters that carried credentials in the reference server.
const CREDENTIALS: &[&str] = &["access_key", "secret_access_key", "session_token", "profile_name", "role_arn"];

/// Why a parameter that carries credentials is not taken; `None` for any other.
pub(crate) fn refused_credential(name: &str) -> Option<String> {
    CREDENTIALS.contains(&name).then(|| {
        format!(
            "'{name}' is not taken: credentials are never parameters; orgscan uses the credentials it was started with and assumes the read-only role in each account"
        )
    })
}

/// The JSON Schema of a tool's arguments: the shared parameters and its own, in one flat object.
pub(crate) fn input_schema(check: &Check) -> Map<String, Value> {
    let mut properties = properties_of(&schema_of::<Shared>());
    properties.extend(properties_of(&check.schema()));
    object_of(properties)
}

/// The JSON Schema of some parameters, as a model is shown it.
pub(crate) fn schema_for<T: JsonSchema>() -> Map<String, Value> {
    object_of(properties_of(&schema_of::<T>()))
}

/// An object with some properties and no others.
fn object_of(properties: Map<String, Value>) -> Map<String, Value> {
    Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
        ("additionalProperties".to_owned(), json!(false)),
    ])
}

/// The names of a tool's own parameters, without the shared ones.
pub(crate) fn own_parameters(check: &Check) -> Vec<String> {
    properties_of(&check.schema()).keys().cloned().collect()
}

/// Whether a tool has a parameter of its own by this name, or by the one that the reference server used.
pub(crate) fn takes(check: &Check, name: &str) -> bool {
    let own = own_parameters(check);
    let has = |name: &str| own.iter().any(|it| it == name);
    has(name) || name == "period" && DAYS.iter().any(|it| has(it))
}

/// The properties of a schema, each complete in itself and in the words that all clients understand: references are
/// resolved, an optional value is one that may be absent, and number formats that are not JSON Schema's own are dropped.
fn properties_of(schema: &Value) -> Map<String, Value> {
    let definitions = schema.get("$defs").cloned().unwrap_or(Value::Null);
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.into_iter().map(|(name, it)| (name, plain(it, &definitions))).collect()
}

fn plain(schema: Value, definitions: &Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    if let Some(reference) = map.remove("$ref") {
        let name = reference.as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
        if let Value::Object(definition) = plain(definitions.get(name).cloned().unwrap_or(Value::Null), definitions) {
            for (key, value) in definition {
                map.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(choices)) = map.remove("anyOf") {
        for choice in choices.into_iter().filter(|it| it.get("type") != Some(&json!("null"))) {
            if let Value::Object(choice) = plain(choice, definitions) {
                for (key, value) in choice {
                    map.entry(key).or_insert(value);
                }
            }
        }
    }
    // An enumeration with documented values comes as one constant for each.
    if let Some(Value::Array(choices)) = map.remove("oneOf") {
        let names: Vec<Value> = choices.iter().filter_map(|it| it.get("const").cloned()).collect();
        let said = choices
            .iter()
            .filter_map(|it| Some(format!("{}: {}", it.get("const")?.as_str()?, it.get("description")?.as_str()?)));
        let said = said.collect::<Vec<_>>().join(" ");
        map.insert("type".to_owned(), json!("string"));
        map.insert("enum".to_owned(), Value::Array(names));
        let own = map.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        map.insert("description".to_owned(), json!(format!("{own} {said}").trim()));
    }
    map.remove("format");
    if map.get("default") == Some(&Value::Null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get("type") {
        let kept: Vec<&Value> = types.iter().filter(|it| *it != &json!("null")).collect();
        if let [only] = kept.as_slice() {
            let only = (*only).clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(items) = map.remove("items") {
        map.insert("items".to_owned(), plain(items, definitions));
    }
    Value::Object(map)
}

/// Reads the arguments of a tool. An error is one sentence for the caller.
pub(crate) fn read(check: &'static Check, arguments: Map<String, Value>) -> Result<Arguments, String> {
    let arguments = admitted(check.name(), &input_schema(check), arguments)?;
    let of_shared = properties_of(&schema_of::<Shared>());
    let (shared, params): (Map<_, _>, Map<_, _>) =
        arguments.into_iter().partition(|(name, _)| of_shared.contains_key(name));
    let shared: Shared = serde_json::from_value(Value::Object(shared)).map_err(|it| it.to_string())?;
    check.accepts(&params)?;
    Ok(Arguments { shared, asked: Asked { check, params } })
}

/// The arguments of anything that takes some, as its schema has them: without what is null, and in today's names.
pub(crate) fn admitted(
    name: &str,
    schema: &Map<String, Value>,
    mut arguments: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    // A parameter given as null is a parameter not given.
    arguments.retain(|_, value| !value.is_null());
    if let Some(refused) = arguments.keys().find_map(|it| refused_credential(it)) {
        return Err(refused);
    }
    alias(&mut arguments, schema, name)?;
    let known = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(unknown) = arguments.keys().find(|it| !known.contains_key(*it)) {
        let names: Vec<_> = known.keys().map(String::as_str).collect();
        return Err(format!("unknown parameter '{}'; {name} takes {}", unknown.escape_debug(), names.join(", ")));
    }
    validate(schema, &arguments)?;
    Ok(arguments)
}

/// The names that the reference server used: `region`, `region_name`, and `period` for the days of a check.
fn alias(arguments: &mut Map<String, Value>, schema: &Map<String, Value>, tool: &str) -> Result<(), String> {
    let takes = |name: &str| schema.get("properties").and_then(|it| it.get(name)).is_some();
    for old in ["region", "region_name"] {
        let Some(value) = arguments.remove(old) else { continue };
        let regions = if value.is_string() { json!([value]) } else { value };
        if arguments.insert("regions".to_owned(), regions).is_some() {
            return Err(format!("'{old}' is another name of 'regions': give one of them"));
        }
    }
    if arguments.contains_key("period") && !takes("period") {
        let days = DAYS.iter().find(|it| takes(it));
        let Some(days) = days else { return Ok(()) };
        let value = arguments.remove("period").unwrap_or_default();
        if arguments.insert((*days).to_owned(), value).is_some() {
            return Err(format!("'period' is another name of '{days}' in {tool}: give one of them"));
        }
    }
    Ok(())
}

fn validate(schema: &Map<String, Value>, arguments: &Map<String, Value>) -> Result<(), String> {
    let schema = Value::Object(schema.clone());
    let validator =
        jsonschema::validator_for(&schema).map_err(|it| format!("the schema of the tool is not valid: {it}"))?;
    let arguments = Value::Object(arguments.clone());
    let wrong: Vec<String> = validator
        .iter_errors(&arguments)
        .map(|it| format!("{}: {it}", it.instance_path().to_string().trim_start_matches('/')))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(crate::aws::problem::one_line(&wrong.join("; "))) }
}

impl Shared {
    /// The selection that the arguments mean. An error is one sentence for the caller.
    pub(crate) fn selection(&self) -> Result<Selection, String> {
        let patterns = |it: &[String]| it.iter().map(|it| Pattern::parse(it)).collect::<Result<Vec<_>, _>>();
        if let Some(unknown) = self.regions.iter().find(|it| !partition::is_region(it)) {
            return Err(format!(
                "unknown region '{}'; regions are {}",
                unknown.escape_debug(),
                known_regions(self.regions.as_slice())
            ));
        }
        Ok(Selection {
            accounts: patterns(&self.accounts)?,
            exclude: patterns(&self.exclude_accounts)?,
            regions: self.regions.clone(),
        })
    }

    /// The deadline, where one was given.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.deadline_seconds.and_then(|it| u64::try_from(it).ok()).map(Duration::from_secs)
    }
}

/// The regions that can be meant: those of the partitions that the given ones point to.
fn known_regions(given: &[String]) -> String {
    let meant = given.first().map_or(&PARTITIONS[0], |it| partition::of_region(it));
    [meant.default_regions, meant.opt_in_regions].concat().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    fn volumes() -> &'static Check {
        checks::all().into_iter().find(|it| it.name() == "find_unused_volumes").expect("the check stands")
    }

    fn reading(arguments: &Value) -> Result<Arguments, String> {
        read(volumes(), arguments.as_object().expect("an object").clone())
    }

    #[test]
    fn arguments_are_split_into_shared_and_own() {
        let read =
            reading(&json!({"accounts": ["web-*"], "regions": ["eu-west-1"], "min_age_days": 30, "cursor": null}))
                .unwrap();
        assert_eq!(read.shared.accounts, ["web-*"]);
        assert_eq!(read.shared.cursor, None);
        assert_eq!(Value::Object(read.asked.params), json!({"min_age_days": 30}));
    }

    #[test]
    fn the_names_of_the_reference_server_are_understood() {
        let read = reading(&json!({"region_name": "eu-west-1", "period": 7})).unwrap();
        assert_eq!(read.shared.regions, ["eu-west-1"]);
        assert_eq!(Value::Object(read.asked.params), json!({"min_age_days": 7}));
        let both = reading(&json!({"region": "eu-west-1", "regions": ["us-east-1"]})).unwrap_err();
        assert!(both.contains("another name of 'regions'"), "{both}");
    }

    #[test]
    fn what_cannot_be_meant_is_one_clear_sentence() {
        let error = |arguments: Value| reading(&arguments).unwrap_err();
        assert!(
            error(json!({"min_age": 3}))
                .starts_with("unknown parameter 'min_age'; find_unused_volumes takes accounts, ")
        );
        assert!(error(json!({"min_age_days": -1})).starts_with("min_age_days: "));
        assert!(error(json!({"min_age_days": "old"})).starts_with("min_age_days: "));
        assert!(error(json!({"accounts": "web"})).starts_with("accounts: "));
        for name in CREDENTIALS {
            assert!(error(json!({*name: "secret-value"})).contains("credentials are never parameters"));
            assert!(!error(json!({*name: "secret-value"})).contains("secret-value"));
        }
    }

    #[test]
    fn unknown_regions_and_patterns_are_refused() {
        let selection = |arguments: Value| reading(&arguments).unwrap().shared.selection();
        let region = selection(json!({"regions": ["us-east-9"]})).unwrap_err();
        assert!(region.starts_with("unknown region 'us-east-9'; regions are ap-northeast-1"), "{region}");
        assert!(selection(json!({"accounts": ["12345"]})).is_err());
        assert!(selection(json!({"regions": ["eu-west-1"], "accounts": ["ou:Prod"]})).is_ok());
    }

    #[test]
    fn the_schema_is_flat_and_speaks_plain_json_schema() {
        let schema = input_schema(volumes());
        let text = Value::Object(schema.clone()).to_string();
        for word in ["$ref", "anyOf", "oneOf", "\"format\":\"", "\"null\""] {
            assert!(!text.contains(word), "{word} in {text}");
        }
        assert_eq!(schema["properties"]["format"]["enum"], json!(["markdown", "json"]));
        assert_eq!(schema["properties"]["max_results"]["type"], json!("integer"));
    }
}

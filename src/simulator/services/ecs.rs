//! Amazon ECS.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::ECS,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::{self, Cluster, Family},
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "ecs",
    names: &ECS,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "InvalidParameterException",
        wrong_token: "InvalidParameterException",
    },
    is_global: false,
    operations: &[
        Operation::new("ListClusters", list_clusters),
        Operation::new("DescribeClusters", describe_clusters),
        Operation::new("ListServices", list_services),
        Operation::new("DescribeServices", describe_services),
        Operation::new("ListTasks", list_tasks),
        Operation::new("DescribeTasks", describe_tasks),
        Operation::new("ListTaskDefinitions", list_task_definitions),
        Operation::new("DescribeTaskDefinition", describe_task_definition),
    ],
};

/// The most things on a page.
const PAGE: usize = 100;

/// A page of a list of ARNs under its own name.
fn list(cx: &Context<'_>, name: &str, arns: Vec<String>) -> Result<Value, Refusal> {
    let most = cx.call.number("maxResults").unwrap_or(10).min(PAGE);
    let (page, next) = cx.page(arns, cx.call.text("nextToken"), most)?;
    Ok(json!({name: page, "nextToken": next}))
}

fn arn(cx: &Context<'_>, resource: &str) -> String {
    format!("arn:aws:ecs:{}:{}:{resource}", cx.call.region, cx.call.account)
}

/// What a call names in a list, at most so many.
fn named<'a>(cx: &Context<'a>, list: &str, most: usize) -> Result<Vec<&'a str>, Refusal> {
    let names = cx.call.input.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if names.is_empty() || names.len() > most {
        return Err(cx.call.invalid(format!("{list} must have length between 1 and {most}")));
    }
    Ok(names.iter().filter_map(Value::as_str).collect())
}

/// What was asked for and is there, and what is missing.
fn described<'a>(name: &str, asked: &[&str], there: &(impl Iterator<Item = &'a (String, Value)> + Clone)) -> Value {
    let found = |arn: &&str| there.clone().find(|it| it.0 == **arn).map(|it| &it.1);
    let missing = asked.iter().filter(|it| found(it).is_none()).map(|it| json!({"arn": it, "reason": "MISSING"}));
    let failures: Vec<_> = missing.collect();
    json!({name: asked.iter().filter_map(found).collect::<Vec<_>>(), "failures": failures})
}

fn list_clusters(cx: &Context<'_>) -> Result<Value, Refusal> {
    let arns = cx.place().clusters().iter().map(|it| arn(cx, &format!("cluster/{}", it.name))).collect();
    list(cx, "clusterArns", arns)
}

fn describe_clusters(cx: &Context<'_>) -> Result<Value, Refusal> {
    let asked = named(cx, "clusters", 100)?;
    let cluster = |it: &Cluster| {
        let arn = arn(cx, &format!("cluster/{}", it.name));
        let shown = json!({
            "clusterArn": arn,
            "clusterName": it.name,
            "status": "ACTIVE",
            "registeredContainerInstancesCount": it.container_instances,
            "runningTasksCount": it.running().len(),
            "pendingTasksCount": 0,
            "activeServicesCount": it.services.len(),
            "tags": [],
        });
        (arn, shown)
    };
    let clusters: Vec<_> = cx.place().clusters().iter().map(cluster).collect();
    Ok(described("clusters", &asked, &clusters.iter()))
}

/// The cluster that a call is about.
fn cluster(cx: &Context<'_>) -> Result<Cluster, Refusal> {
    let name = cx.call.text("cluster").unwrap_or("default");
    let name = name.rsplit('/').next().unwrap_or(name);
    cx.place().clusters().into_iter().find(|it| it.name == name).ok_or_else(|| {
        cx.call.service.refusal(Denial::Other(400, "ClusterNotFoundException", "Cluster not found.".to_owned()))
    })
}

fn service_arn(cx: &Context<'_>, cluster: &Cluster, service: &world::EcsService) -> String {
    arn(cx, &format!("service/{}/{}", cluster.name, service.name))
}

fn list_services(cx: &Context<'_>) -> Result<Value, Refusal> {
    let cluster = cluster(cx)?;
    list(cx, "serviceArns", cluster.services.iter().map(|it| service_arn(cx, &cluster, it)).collect())
}

fn describe_services(cx: &Context<'_>) -> Result<Value, Refusal> {
    let (cluster, asked) = (cluster(cx)?, named(cx, "services", 10)?);
    let service = |it: &world::EcsService| {
        let shown = json!({
            "serviceArn": service_arn(cx, &cluster, it),
            "serviceName": it.name,
            "clusterArn": arn(cx, &format!("cluster/{}", cluster.name)),
            "status": "ACTIVE",
            "desiredCount": it.desired,
            "runningCount": it.running,
            "pendingCount": 0,
            "createdAt": it.created,
            "taskDefinition": arn(cx, &format!("task-definition/{}", it.definition)),
            "deployments": [],
            "loadBalancers": [],
            "tags": [],
        });
        (service_arn(cx, &cluster, it), shown)
    };
    let services: Vec<_> = cluster.services.iter().map(service).collect();
    Ok(described("services", &asked, &services.iter()))
}

/// The tasks of a cluster: ARN, and the revision it was started from.
fn tasks(cx: &Context<'_>, cluster: &Cluster) -> Vec<(String, String)> {
    let running = cluster.running().into_iter().enumerate();
    running.map(|(number, it)| (arn(cx, &format!("task/{}/{number:032x}", cluster.name)), it)).collect()
}

fn list_tasks(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "taskArns", tasks(cx, &cluster(cx)?).into_iter().map(|it| it.0).collect())
}

fn describe_tasks(cx: &Context<'_>) -> Result<Value, Refusal> {
    let (cluster, asked) = (cluster(cx)?, named(cx, "tasks", 100)?);
    let task = |(name, definition): (String, String)| {
        let definition = arn(cx, &format!("task-definition/{definition}"));
        let shown = json!({"taskArn": name, "taskDefinitionArn": definition, "lastStatus": "RUNNING"});
        (name, shown)
    };
    let tasks: Vec<_> = tasks(cx, &cluster).into_iter().map(task).collect();
    Ok(described("tasks", &asked, &tasks.iter()))
}

/// The revisions here by ARN, with the time of each.
fn revisions(cx: &Context<'_>) -> Vec<(String, i64)> {
    let revision = |it: &Family, number: usize| arn(cx, &format!("task-definition/{}:{}", it.name, number + 1));
    let families = cx.place().families();
    let all =
        families.iter().flat_map(|it| it.registered.iter().enumerate().map(move |(number, time)| (it, number, *time)));
    all.map(|(it, number, time)| (revision(it, number), time)).collect()
}

fn list_task_definitions(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "taskDefinitionArns", revisions(cx).into_iter().map(|it| it.0).collect())
}

fn describe_task_definition(cx: &Context<'_>) -> Result<Value, Refusal> {
    let asked = cx.call.text("taskDefinition").unwrap_or_default();
    // What somebody starts tasks from and is not listed was deregistered meanwhile.
    let in_use = cx.place().clusters().into_iter().flat_map(|it| [it.running(), it.scheduled].concat());
    let mut in_use = in_use.chain(cx.place().clusters().into_iter().flat_map(|it| it.services).map(|it| it.definition));
    let is_asked = |it: &String| arn(cx, &format!("task-definition/{it}")) == asked;
    let gone = in_use.any(|it| is_asked(&it)).then(|| (asked.to_owned(), cx.place().days_ago(400)));
    let revision = revisions(cx).into_iter().find(|it| it.0 == asked).or(gone);
    let (arn, registered) = revision.ok_or_else(|| {
        let text = "Unable to describe task definition.".to_owned();
        cx.call.service.refusal(Denial::Other(400, "ClientException", text))
    })?;
    Ok(json!({"taskDefinition": {
        "taskDefinitionArn": arn,
        "status": "ACTIVE",
        "registeredAt": registered,
        "containerDefinitions": [],
    }}))
}

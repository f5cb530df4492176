//! List prices: numbers with unit, date and source. The only home of figures that mean dollars.
//!
//! The table holds us-east-1 list prices. Other regions differ by some ten percent either way; the basis of every amount
//! names the region and date of the price used. List prices know no private discounts, reservations or savings plans.

use rust_decimal::Decimal;
use rust_decimal_macros::dec;

/// Hours in a month, as AWS's own calculator counts them.
pub(crate) const HOURS_PER_MONTH: Decimal = dec!(730);

/// Bytes in what AWS bills as a gigabyte.
const BYTES_PER_GIB: Decimal = dec!(1_073_741_824);
/// How many hosted zones of Route 53 have the first price.
const FIRST_HOSTED_ZONES: usize = 25;
/// How many records a hosted zone may hold at no further charge.
const FREE_RECORDS: i64 = 10_000;
/// Where the first price tier of S3 Standard ends, in GiB.
const S3_FIRST_TIER_GIB: Decimal = dec!(51_200);

/// One list price.
#[derive(Debug)]
pub(crate) struct Price {
    /// US dollars for one unit.
    pub(crate) usd: Decimal,
    /// What one unit is.
    pub(crate) unit: &'static str,
    /// The day the price was published or read.
    pub(crate) as_of: &'static str,
    /// Where it was read.
    pub(crate) source: &'static str,
}

/// The region whose prices the table holds.
const REGION: &str = "us-east-1";

macro_rules! prices {
    ($($(#[$doc:meta])* $name:ident = $usd:literal per $unit:literal, $as_of:literal, $source:literal;)*) => {
        $($(#[$doc])* pub(crate) static $name: Price =
            Price { usd: dec!($usd), unit: $unit, as_of: $as_of, source: $source };)*
        /// Every price, by name.
        pub(crate) static ALL: &[(&str, &Price)] = &[$((stringify!($name), &$name)),*];
    };
}

prices! {
    /// A public IPv4 address, in use or idle, Elastic IP addresses included.
    PUBLIC_IPV4 = 0.005 per "hour", "2026-09-17", "AWS price list, offer AmazonVPC, PublicIPv4:IdleAddress";
    /// EBS gp3 storage.
    EBS_GP3 = 0.08 per "GB-month", "2026-09-25", "AWS price list, offer AmazonEC2, EBS:VolumeUsage.gp3";
    /// EBS gp3 IOPS above 3,000.
    EBS_GP3_IOPS = 0.005 per "IOPS-month", "2026-09-25", "AWS price list, offer AmazonEC2, EBS:VolumeP-IOPS.gp3";
    /// EBS gp3 throughput above 125 MiB/s.
    EBS_GP3_THROUGHPUT = 0.04 per "MiBps-month", "2026-09-25", "AWS price list, offer AmazonEC2, EBS:VolumeP-Throughput.gp3";
    /// EBS gp2 storage.
    EBS_GP2 = 0.10 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS io1 storage.
    EBS_IO1 = 0.125 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS io1 provisioned IOPS.
    EBS_IO1_IOPS = 0.065 per "IOPS-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS io2 storage.
    EBS_IO2 = 0.125 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS io2 provisioned IOPS up to 32,000.
    EBS_IO2_IOPS = 0.065 per "IOPS-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS st1 storage.
    EBS_ST1 = 0.045 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS sc1 storage.
    EBS_SC1 = 0.015 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS magnetic storage.
    EBS_STANDARD = 0.05 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// EBS snapshot storage, standard tier, on changed blocks only.
    EBS_SNAPSHOT = 0.05 per "GB-month", "2026-09-25", "AWS price list, offer AmazonEC2, EBS:SnapshotUsage";
    /// EBS snapshot storage, archive tier, on the full snapshot.
    EBS_SNAPSHOT_ARCHIVE = 0.0125 per "GB-month", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// A NAT gateway.
    NAT_GATEWAY = 0.045 per "hour", "2026-09-25", "AWS price list, offer AmazonEC2, NatGateway-Hours";
    /// An interface endpoint of a VPC in one zone.
    INTERFACE_ENDPOINT = 0.01 per "hour", "2026-09-17", "AWS price list, offer AmazonVPC";
    /// A Gateway Load Balancer endpoint of a VPC.
    GATEWAY_LOAD_BALANCER_ENDPOINT = 0.01 per "hour", "2026-09-17", "AWS price list, offer AmazonVPC";
    /// An Application Load Balancer, without the capacity it uses.
    APPLICATION_LOAD_BALANCER = 0.0225 per "hour", "2026-09-11", "AWS price list, offer AWSELB, LoadBalancerUsage";
    /// A Network Load Balancer, without the capacity it uses.
    NETWORK_LOAD_BALANCER = 0.0225 per "hour", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// A Gateway Load Balancer, without the capacity it uses.
    GATEWAY_LOAD_BALANCER = 0.0125 per "hour", "2026-05-01", "https://awsnegotiations.com/elastic-load-balancer-cost.html, not AWS's own";
    /// A Classic Load Balancer, without the data it processes.
    CLASSIC_LOAD_BALANCER = 0.025 per "hour", "2024-07-01", "Infracost golden files, from the AWS price list";
    /// Lambda provisioned concurrency, x86.
    LAMBDA_PROVISIONED_X86 = 0.0000041667 per "GB-second", "2026-09-01", "AWS price list, offer AWSLambda";
    /// Lambda provisioned concurrency, arm64.
    LAMBDA_PROVISIONED_ARM = 0.0000033333 per "GB-second", "2026-09-01", "AWS price list, offer AWSLambda";
    /// S3 Standard, first 50 TB.
    S3_STANDARD = 0.023 per "GB-month", "2026-09-26", "AWS price list, offer AmazonS3, TimedStorage-ByteHrs";
    /// S3 Standard-Infrequent Access.
    S3_STANDARD_IA = 0.0125 per "GB-month", "2026-09-26", "AWS price list, offer AmazonS3";
    /// S3 One Zone-Infrequent Access.
    S3_ONE_ZONE_IA = 0.01 per "GB-month", "2026-09-26", "AWS price list, offer AmazonS3";
    /// S3 Glacier Instant Retrieval.
    S3_GLACIER_IR = 0.004 per "GB-month", "2026-09-26", "AWS price list, offer AmazonS3";
    /// S3 Glacier Flexible Retrieval.
    S3_GLACIER = 0.0036 per "GB-month", "2026-09-26", "AWS price list, offer AmazonS3";
    /// S3 Glacier Deep Archive.
    S3_DEEP_ARCHIVE = 0.00099 per "GB-month", "2026-09-26", "AWS price list, offer AmazonS3";
    /// An object that S3 Intelligent-Tiering monitors: each of at least 128 KB.
    S3_MONITORED_OBJECT = 0.0000025 per "object-month", "2026-09-26", "AWS price list, offer AmazonS3";
    /// `CloudWatch` Logs storage, on compressed bytes.
    LOGS_STORAGE = 0.03 per "GB-month", "2026-08-01", "AWS price list, offer AmazonCloudWatch";
    /// A request to a standard SQS queue above the first million of a month.
    SQS_REQUEST = 0.0000004 per "request", "2026-09-01", "AWS price list, offer AWSQueueService";
    /// A request to a FIFO queue of SQS above the first million of a month.
    SQS_FIFO_REQUEST = 0.0000005 per "request", "2026-09-01", "AWS price list, offer AWSQueueService";
    /// ECR storage of private repositories, first tier.
    ECR_STORAGE = 0.10 per "GB-month", "2026-09-01", "AWS price list, offer AmazonECR";
    /// A dedicated-IP custom TLS certificate of a CloudFront distribution.
    CLOUDFRONT_DEDICATED_IP = 600 per "month", "2026-09-01", "https://aws.amazon.com/cloudfront/pricing/";
    /// A hosted zone of Route 53, one of the first 25.
    HOSTED_ZONE = 0.50 per "month", "2026-09-20", "https://aws.amazon.com/route53/pricing/, as transcribed by API Evangelist";
    /// A hosted zone of Route 53 beyond the first 25.
    FURTHER_HOSTED_ZONE = 0.10 per "month", "2026-09-20", "https://aws.amazon.com/route53/pricing/, as transcribed by API Evangelist";
    /// A record of a hosted zone above 10,000.
    HOSTED_ZONE_RECORD = 0.0015 per "record-month", "2026-09-20", "https://aws.amazon.com/route53/pricing/, as transcribed by API Evangelist";
    /// One request, and so one page, of the Cost Explorer API.
    COST_EXPLORER_REQUEST = 0.01 per "request", "2026-09-01", "https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/";
    /// One metric asked of `GetMetricData`; there is no free tier.
    METRIC_REQUESTED = 0.00001 per "metric", "2026-09-01", "https://aws.amazon.com/cloudwatch/pricing/";
}

/// One page of Cost Explorer, in USD.
pub(crate) fn cost_explorer_request() -> Decimal {
    COST_EXPLORER_REQUEST.usd
}

/// An amount for a month and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// US dollars a month, list price.
    pub(crate) monthly: Decimal,
    /// What the amount rests on, for the answer's `price_basis`.
    pub(crate) basis: String,
}

impl Quote {
    /// An amount that rests on the list price.
    pub(crate) fn list(monthly: Decimal, price: &Price) -> Self {
        Self { monthly, basis: format!("list price {REGION} {}", price.as_of) }
    }

    /// The same amount, known only as the most it can be.
    pub(crate) fn at_most(mut self, why: &str) -> Self {
        self.basis = format!("{}; upper bound: {why}", self.basis);
        self
    }

    /// The same amount, known only as the least it can be.
    pub(crate) fn at_least(mut self, why: &str) -> Self {
        self.basis = format!("{}; lower bound: {why}", self.basis);
        self
    }

    /// The same amount, which rests on an assumption.
    pub(crate) fn estimate(mut self, assumption: &str) -> Self {
        self.basis = format!("{}; estimate: {assumption}", self.basis);
        self
    }

    /// Nothing is billed for the thing itself.
    pub(crate) fn free(why: &str) -> Self {
        Self { monthly: Decimal::ZERO, basis: why.to_owned() }
    }
}

impl Price {
    /// So many units in a month.
    pub(crate) fn monthly(&self, units: impl Into<Decimal>) -> Quote {
        Quote::list(self.usd * units.into(), self)
    }

    /// One unit for every hour of a month.
    pub(crate) fn all_month(&self) -> Quote {
        self.monthly(HOURS_PER_MONTH)
    }
}

/// Several amounts as one. `None` for no amount at all.
pub(crate) fn sum(quotes: impl IntoIterator<Item = Quote>) -> Option<Quote> {
    let mut bases: Vec<String> = Vec::new();
    let mut monthly = None;
    for quote in quotes {
        monthly = Some(monthly.unwrap_or(Decimal::ZERO) + quote.monthly);
        if !bases.contains(&quote.basis) {
            bases.push(quote.basis);
        }
    }
    monthly.map(|monthly| Quote { monthly, basis: bases.join("; ") })
}

/// An EBS volume: storage, provisioned IOPS and throughput. `None` for an unknown size, for unknown IOPS where all of them
/// are billed, and for a type without a known price.
///
/// Source: <https://aws.amazon.com/ebs/pricing/>. io2 IOPS above 32,000 are cheaper and are counted at the first tier here.
pub(crate) fn ebs_volume(
    volume_type: &str,
    size_gib: Option<i64>,
    iops: Option<i64>,
    throughput_mibps: Option<i64>,
) -> Option<Quote> {
    let size = Decimal::from(size_gib?);
    let above = |value: i64, included: i64| Decimal::from((value - included).max(0));
    let all = |storage: &Price, each: &Price| {
        Some(Quote::list(storage.usd * size + each.usd * Decimal::from(iops?), storage))
    };
    let quote = match volume_type {
        "gp3" => match (iops, throughput_mibps) {
            (Some(iops), Some(throughput)) => {
                let extras = EBS_GP3_IOPS.usd * above(iops, 3000) + EBS_GP3_THROUGHPUT.usd * above(throughput, 125);
                Quote::list(EBS_GP3.usd * size + extras, &EBS_GP3)
            }
            _ => EBS_GP3.monthly(size).at_least("its provisioned IOPS and throughput are not known"),
        },
        "gp2" => EBS_GP2.monthly(size),
        "io1" => all(&EBS_IO1, &EBS_IO1_IOPS)?,
        "io2" if iops? > 32_000 => all(&EBS_IO2, &EBS_IO2_IOPS)?.at_most("IOPS above 32,000 are cheaper"),
        "io2" => all(&EBS_IO2, &EBS_IO2_IOPS)?,
        "st1" => EBS_ST1.monthly(size),
        "sc1" => EBS_SC1.monthly(size),
        "standard" => EBS_STANDARD.monthly(size).at_least("requests are billed besides"),
        _ => return None,
    };
    Some(quote)
}

/// Provisioned concurrency of a Lambda function, billed for every second. `None` for an unknown size or architecture.
///
/// Source: <https://aws.amazon.com/lambda/pricing/>.
pub(crate) fn lambda_provisioned(units: i64, memory_mib: Option<i64>, architecture: Option<&str>) -> Option<Quote> {
    let price = match architecture? {
        "x86_64" => &LAMBDA_PROVISIONED_X86,
        "arm64" => &LAMBDA_PROVISIONED_ARM,
        _ => return None,
    };
    let gib = Decimal::from(memory_mib?) / dec!(1024);
    Some(price.monthly(Decimal::from(units) * gib * HOURS_PER_MONTH * dec!(3600)))
}

/// EBS snapshots together, each by its storage tier and size in bytes. `None` for an unknown size or a tier without a known
/// price. A tier that AWS did not say is counted as the standard one, the dearest.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html> (snapshots are incremental).
pub(crate) fn ebs_snapshots<'a>(snapshots: impl IntoIterator<Item = (Option<&'a str>, Option<i64>)>) -> Option<Quote> {
    let mut monthly = Decimal::ZERO;
    let mut basis = &EBS_SNAPSHOT_ARCHIVE;
    for (tier, size_bytes) in snapshots {
        let price = match tier {
            Some("archive") => &EBS_SNAPSHOT_ARCHIVE,
            Some("standard") | None => &EBS_SNAPSHOT,
            Some(_) => return None,
        };
        if price.usd > basis.usd {
            basis = price;
        }
        monthly += price.usd * Decimal::from(size_bytes?) / BYTES_PER_GIB;
    }
    Some(Quote::list(monthly, basis).at_most("snapshots are incremental, and all blocks of each are counted"))
}

/// What a `CloudWatch` log group stores.
///
/// Source: <https://aws.amazon.com/cloudwatch/pricing/>. AWS bills compressed bytes and says how many there were before.
pub(crate) fn log_storage(stored_bytes: i64) -> Quote {
    if stored_bytes == 0 {
        return Quote::free("no charge for an empty log group");
    }
    let quote = LOGS_STORAGE.monthly(Decimal::from(stored_bytes) / BYTES_PER_GIB);
    quote.at_most("AWS bills compressed bytes, and all bytes are counted")
}

/// Requests to an SQS queue, as many in a month as were counted in some days, at least one day.
///
/// Source: <https://aws.amazon.com/sqs/pricing/>.
pub(crate) fn sqs_requests(requests: i64, days: i64, fifo: bool) -> Quote {
    let price = if fifo { &SQS_FIFO_REQUEST } else { &SQS_REQUEST };
    let of_month = Decimal::from(requests) * HOURS_PER_MONTH / (dec!(24) * Decimal::from(days.max(1)));
    price.monthly(of_month).at_most("the first million requests of a month are free")
}

/// An image in ECR, by the compressed size of all its layers.
///
/// Source: <https://aws.amazon.com/ecr/pricing/>.
pub(crate) fn ecr_image(size_bytes: i64) -> Quote {
    let quote = ECR_STORAGE.monthly(Decimal::from(size_bytes) / BYTES_PER_GIB);
    quote.at_most("layers that other images share stay stored")
}

/// A hosted zone of Route 53 in an account that has so many of them.
///
/// Source: <https://aws.amazon.com/route53/pricing/>; tiers are reached together by accounts that are billed together
/// (<https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/con-bill-blended-rates.html>, read Nov 2026). Which zones
/// are the first is nobody's choice: when there are more, what disappears with one of them is the price of the last.
pub(crate) fn hosted_zone(zones: usize, records: Option<i64>) -> Quote {
    let price = if zones > FIRST_HOSTED_ZONES { &FURTHER_HOSTED_ZONE } else { &HOSTED_ZONE };
    let further = Decimal::from((records.unwrap_or(0) - FREE_RECORDS).max(0));
    let quote = Quote::list(price.usd + HOSTED_ZONE_RECORD.usd * further, price);
    if zones > FIRST_HOSTED_ZONES {
        quote.at_least("once 25 zones are left, each costs 0.50")
    } else {
        quote.at_most("0.10 where accounts that are billed together have more than 25 zones")
    }
}

/// The price of S3 storage by the `StorageType` of the metric `BucketSizeBytes`. `None` where it is not known.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html> (storage types, read Oct 2026).
pub(crate) fn s3_storage(storage_type: &str) -> Option<&'static Price> {
    match storage_type {
        "StandardStorage"
        | "IntelligentTieringFAStorage"
        | "GlacierS3ObjectOverhead"
        | "DeepArchiveS3ObjectOverhead" => Some(&S3_STANDARD),
        "StandardIAStorage" | "StandardIASizeOverhead" | "IntelligentTieringIAStorage" => Some(&S3_STANDARD_IA),
        "OneZoneIAStorage" | "OneZoneIASizeOverhead" => Some(&S3_ONE_ZONE_IA),
        "GlacierInstantRetrievalStorage" | "GlacierIRSizeOverhead" | "IntelligentTieringAIAStorage" => {
            Some(&S3_GLACIER_IR)
        }
        "GlacierStorage" | "GlacierObjectOverhead" | "IntelligentTieringAAStorage" => Some(&S3_GLACIER),
        "DeepArchiveStorage" | "DeepArchiveObjectOverhead" | "IntelligentTieringDAAStorage" => Some(&S3_DEEP_ARCHIVE),
        _ => None,
    }
}

/// What an S3 bucket stores, in bytes by storage type. `None` when one of them has no known price.
///
/// Source: <https://aws.amazon.com/s3/pricing/>. Above 50 TB S3 Standard is cheaper and is counted at the first tier here.
pub(crate) fn s3_bucket(stored: &[(&str, f64)]) -> Option<Quote> {
    let (mut monthly, mut standard) = (Decimal::ZERO, Decimal::ZERO);
    for (storage_type, bytes) in stored {
        let gib = Decimal::try_from(*bytes).ok()? / BYTES_PER_GIB;
        let price = s3_storage(storage_type)?;
        monthly += price.usd * gib;
        if price.usd == S3_STANDARD.usd {
            standard += gib;
        }
    }
    let quote = Quote::list(monthly, &S3_STANDARD);
    Some(if standard > S3_FIRST_TIER_GIB { quote.at_most("storage above 50 TB is cheaper") } else { quote })
}

/// What bytes of S3 Standard would save in S3 Intelligent-Tiering if so many percent of them are not read for 30 days,
/// and each object is monitored. `None` when that saves nothing.
///
/// Source: <https://aws.amazon.com/s3/pricing/>. What is read costs there what it costs in S3 Standard; what is not read
/// for 90 days costs still less.
pub(crate) fn s3_tiering_saves(bytes: f64, objects: f64, unread_percent: i64) -> Option<Quote> {
    let gib = Decimal::try_from(bytes).ok()? / BYTES_PER_GIB;
    let unread = gib * Decimal::from(unread_percent) / dec!(100);
    let monitored = S3_MONITORED_OBJECT.usd * Decimal::try_from(objects).ok()?;
    let monthly = (S3_STANDARD.usd - S3_STANDARD_IA.usd) * unread - monitored;
    let quote = Quote::list(monthly, &S3_STANDARD);
    let quote = if gib > S3_FIRST_TIER_GIB { quote.at_most("storage above 50 TB is cheaper") } else { quote };
    let quote = quote.estimate(&format!("{unread_percent}% of the bytes in S3 Standard are not read for 30 days"));
    (monthly > Decimal::ZERO).then_some(quote)
}

/// What all bytes of an infrequent-access storage type would save in S3 Standard, where no overhead is billed for small
/// objects. `None` when they would cost more there, or have no known price.
///
/// Source: <https://aws.amazon.com/s3/pricing/> (an object below 128 KB is billed as one of 128 KB).
pub(crate) fn s3_overhead_saves(storage_type: &str, bytes: f64, overhead_bytes: f64) -> Option<Quote> {
    let gib = |bytes: f64| Some(Decimal::try_from(bytes).ok()? / BYTES_PER_GIB);
    let now = s3_storage(storage_type)?.usd * (gib(bytes)? + gib(overhead_bytes)?);
    let monthly = now - S3_STANDARD.usd * gib(bytes)?;
    let quote = Quote::list(monthly, &S3_STANDARD).at_least("to move the small objects alone saves more");
    (monthly > Decimal::ZERO).then_some(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiering_saves_what_is_not_read_less_what_monitoring_costs() {
        let gib = 1_073_741_824.0;
        let monthly =
            |size, objects, percent| s3_tiering_saves(size * gib, objects, percent).map(|it| it.monthly.normalize());
        assert_eq!(monthly(1000.0, 100_000.0, 40), Some(dec!(3.95)));
        assert_eq!(monthly(1000.0, 100_000.0, 100), Some(dec!(10.25)));
        assert_eq!(monthly(1000.0, 1_680_000.0, 40), None, "monitoring costs as much as is saved");
        let basis = s3_tiering_saves(60_000.0 * gib, 1.0, 40).expect("saves").basis;
        assert!(
            basis.contains("; upper bound: ")
                && basis.ends_with("40% of the bytes in S3 Standard are not read for 30 days")
        );
    }

    #[test]
    fn small_objects_save_only_where_their_overhead_outweighs_the_lower_price() {
        let gib = 1_073_741_824.0;
        let monthly =
            |kind, overhead| s3_overhead_saves(kind, 100.0 * gib, overhead * gib).map(|it| it.monthly.normalize());
        assert_eq!(monthly("StandardIAStorage", 100.0), Some(dec!(0.2)));
        assert_eq!(monthly("StandardIAStorage", 84.0), None);
        assert_eq!(monthly("OneZoneIAStorage", 200.0), Some(dec!(0.7)));
        assert_eq!(monthly("nonesuch", 1000.0), None);
    }

    #[test]
    fn several_amounts_are_one_and_each_basis_is_named_once() {
        let all = sum([PUBLIC_IPV4.all_month(), EBS_GP3.monthly(100), PUBLIC_IPV4.all_month()]).expect("three");
        assert_eq!(all.monthly, dec!(15.3));
        assert_eq!(all.basis, "list price us-east-1 2026-09-17; list price us-east-1 2026-09-25");
        assert_eq!(sum([]), None);
    }

    #[test]
    fn every_price_has_a_unit_a_date_and_a_source() {
        for (name, price) in ALL {
            assert!(price.usd > Decimal::ZERO && !price.unit.is_empty() && !price.source.is_empty(), "{name}");
            assert!(price.as_of.parse::<jiff::civil::Date>().is_ok(), "{name}: {}", price.as_of);
        }
    }

    #[test]
    fn provisioned_iops_and_throughput_count() {
        let monthly =
            |kind, size, iops, throughput| ebs_volume(kind, Some(size), iops, throughput).map(|it| it.monthly);
        assert_eq!(monthly("gp3", 100, Some(3000), Some(125)), Some(dec!(8.00)));
        assert_eq!(monthly("gp3", 100, Some(5000), Some(325)), Some(dec!(26.00)));
        assert_eq!(monthly("io1", 100, Some(20_000), None), Some(dec!(1312.5)));
        assert_eq!(monthly("nonesuch", 100, None, None), None);
        assert_eq!(monthly("io2", 100, None, None), None, "most of its price is not known");
        let least = ebs_volume("gp3", Some(100), None, None).expect("a bound");
        assert_eq!((least.monthly, least.basis.contains("lower bound")), (dec!(8.00), true));
    }

    #[test]
    fn snapshots_are_priced_by_tier_and_all_of_them_or_none() {
        let gib = |size: i64| Some(size << 30);
        let monthly = |snapshots: &[(Option<&str>, Option<i64>)]| {
            ebs_snapshots(snapshots.iter().copied()).map(|it| it.monthly.normalize())
        };
        assert_eq!(monthly(&[(Some("standard"), gib(10)), (Some("archive"), gib(100))]), Some(dec!(1.75)));
        assert_eq!(monthly(&[(None, gib(10))]), Some(dec!(0.5)));
        assert_eq!(monthly(&[(Some("standard"), gib(10)), (Some("standard"), None)]), None);
        assert_eq!(monthly(&[(Some("nonesuch"), gib(10))]), None);
        let archive = ebs_snapshots([(Some("archive"), gib(1))]).expect("a quote");
        assert!(archive.basis.starts_with("list price us-east-1 2024-07-01; upper bound: "));
    }

    #[test]
    fn stored_log_events_are_bounded_by_their_size_before_compression() {
        let quote = log_storage(100 << 30);
        assert_eq!((quote.monthly.normalize(), quote.basis.contains("upper bound")), (dec!(3), true));
        assert_eq!(log_storage(0), Quote::free("no charge for an empty log group"));
    }

    #[test]
    fn requests_are_counted_up_to_a_month_of_730_hours() {
        assert_eq!(sqs_requests(24_000_000, 1, false).monthly.normalize(), dec!(292));
        assert_eq!(sqs_requests(48_000_000, 2, true).monthly.normalize(), dec!(365));
    }

    #[test]
    fn hosted_zones_are_bounded_by_how_many_there_are_and_their_records_count() {
        let monthly = |zones, records| hosted_zone(zones, records).monthly;
        assert_eq!((monthly(25, Some(10_000)), monthly(26, None)), (dec!(0.50), dec!(0.10)));
        assert_eq!(monthly(1, Some(12_000)), dec!(3.50));
    }

    #[test]
    fn an_idle_public_address_costs_3_65_a_month() {
        assert_eq!(PUBLIC_IPV4.all_month().monthly, dec!(3.65));
        assert_eq!(NAT_GATEWAY.all_month().monthly, dec!(32.85));
    }

    #[test]
    fn stored_bytes_are_priced_by_type_and_bounded_above_the_first_tier() {
        let gib = 1_073_741_824.0;
        let small = s3_bucket(&[("StandardStorage", 100.0 * gib), ("StandardIAStorage", 100.0 * gib)]);
        assert_eq!(small.map(|it| it.monthly), Some(dec!(3.55)));
        let basis = |size: f64| s3_bucket(&[("StandardStorage", size * gib)]).expect("priced").basis;
        assert!(!basis(51_200.0).contains("upper bound") && basis(51_201.0).contains("upper bound"));
        assert_eq!(s3_bucket(&[("StandardStorage", gib), ("nonesuch", 1.0)]), None);
        assert_eq!(s3_bucket(&[]).map(|it| it.monthly), Some(Decimal::ZERO));
    }
}

//! What is billed, and what AWS itself advises.

use rust_decimal::Decimal;

use super::{Account, World};

/// One line of a bill: what an account was billed for a service in a month.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) account: String,
    pub(crate) service: &'static str,
    pub(crate) amount: Decimal,
}

/// One recommendation of Cost Optimization Hub.
#[derive(Clone, Debug)]
pub(crate) struct Advice {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) instance: String,
    pub(crate) current: &'static str,
    pub(crate) better: &'static str,
    /// US dollars a month.
    pub(crate) cost: f64,
    pub(crate) savings: f64,
}

/// Services, with what an account is usually billed for them in a month, in US dollars.
const SERVICES: [(&str, i64); 6] = [
    ("Amazon Elastic Compute Cloud - Compute", 2400),
    ("EC2 - Other", 900),
    ("Amazon Simple Storage Service", 400),
    ("AWS Lambda", 60),
    ("Amazon CloudFront", 120),
    ("Tax", 300),
];

/// Types of instances, with a better one for each, and what both cost a month.
const TYPES: [(&str, &str, f64, f64); 3] = [
    ("m5.2xlarge", "m7g.xlarge", 280.32, 119.14),
    ("c5.xlarge", "c7g.large", 124.10, 52.93),
    ("t3.large", "t4g.medium", 60.74, 24.53),
];

impl World {
    /// The bill of a month, given as its first day.
    pub(crate) fn bills(&self, month: &str) -> Vec<Bill> {
        let accounts = (0..self.accounts()).map(|it| self.account(it)).filter(|it| !it.suspended);
        accounts.flat_map(|it| self.bills_of(&it, month)).collect()
    }

    fn bills_of(&self, account: &Account, month: &str) -> Vec<Bill> {
        let mut draw = self.draw(&["bill", &account.id, month]);
        let bill = |(service, usual): (&'static str, i64)| Bill {
            account: account.id.clone(),
            service,
            amount: Decimal::new(draw.between(usual * 20, usual * 180), 2),
        };
        SERVICES.map(bill).to_vec()
    }

    /// What AWS advises for the instances of all accounts: for some of those that run.
    pub(crate) fn advice(&self) -> Vec<Advice> {
        let accounts = (0..self.accounts()).map(|it| self.account(it)).filter(|it| !it.suspended);
        accounts.filter_map(|it| self.advice_for(&it)).collect()
    }

    fn advice_for(&self, account: &Account) -> Option<Advice> {
        let mut draw = self.draw(&["advice", &account.id]);
        let region = draw.one_of(&super::BUSY);
        let instances = self.place(&account.id, region).instances();
        let instance = instances.into_iter().find(|it| it.running)?;
        let (current, better, cost, new_cost) = draw.one_of(&TYPES);
        Some(Advice {
            id: format!("{:016x}", self.digest(&["advice", &instance.id])),
            account: account.id.clone(),
            region: region.to_owned(),
            instance: instance.id,
            current,
            better,
            cost,
            savings: cost - new_cost,
        })
    }
}

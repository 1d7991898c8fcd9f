//! `cluster verify`: checks that a cluster matches what the bridge expects.

use serde::Serialize;
use tradesim_bridge::{
    admin::{Admin, AdminError, BrokerPlan, broker_deviations},
    avro::compatibility::Level,
    topics::Deviation,
};

use crate::{
    cli::{Cluster, ClusterCommand, ClusterVerify},
    exit::Outcome,
    kafka,
    output::{self, Stdout},
    report::SCHEMA_VERSION,
    settings::Settings,
    signals,
};

#[derive(Serialize)]
struct ClusterReport {
    schema_version: u32,
    brokers: Vec<BrokerReport>,
    registry: Option<RegistryReport>,
    deviations: Vec<Deviation>,
}

#[derive(Serialize)]
struct BrokerReport {
    id: i32,
    address: String,
}

#[derive(Serialize)]
struct RegistryReport {
    url: String,
    level: &'static str,
}

pub(crate) fn run(args: &Cluster, settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    match &args.command {
        ClusterCommand::Verify(args) => verify(args, settings),
    }
}

fn verify(args: &ClusterVerify, mut settings: Settings) -> anyhow::Result<Outcome> {
    let connection = kafka::connection(&args.kafka, &mut settings)?;
    let registry = match args.no_registry {
        true => None,
        false => Some(kafka::registry(&args.registry, &mut settings, args.answer.timeout)?),
    };
    let admin = Admin::new(&connection, args.answer.timeout).map_err(kafka::admin_failure)?;
    let (brokers, mut deviations) = brokers(&admin, BrokerPlan { brokers: args.brokers })?;
    let registry = match registry {
        Some(registry) => {
            let level = registry.global_level().map_err(kafka::registry_failure)?;
            deviations.extend(level_deviation(level));
            Some(RegistryReport { url: registry.url().to_owned(), level: level.as_str() })
        }
        None => None,
    };
    let report = ClusterReport { schema_version: SCHEMA_VERSION, brokers, registry, deviations };
    output::emit(args.json, &report, |out| report.write(out))?;
    Ok(if report.deviations.is_empty() { Outcome::Done } else { Outcome::Difference })
}

/// Returns the brokers and their deviations. A broker that is listed by the others but does not respond is a deviation.
fn brokers(admin: &Admin, plan: BrokerPlan) -> anyhow::Result<(Vec<BrokerReport>, Vec<Deviation>)> {
    let brokers = admin.brokers().map_err(kafka::admin_failure)?;
    let mut deviations = Vec::new();
    if brokers.len() != usize::from(plan.brokers) {
        deviations.push(Deviation {
            of: "cluster".to_owned(),
            property: "brokers".to_owned(),
            expected: plan.brokers.to_string(),
            found: Some(brokers.len().to_string()),
        });
    }
    for broker in &brokers {
        match admin.broker_properties(broker.id) {
            Ok(properties) => deviations.extend(broker_deviations(plan, broker, &properties)),
            Err(AdminError::Unreachable { reason, .. }) => deviations.push(Deviation {
                of: format!("broker {}", broker.id),
                property: "answer".to_owned(),
                expected: "its properties".to_owned(),
                found: Some(reason),
            }),
            Err(error) => return Err(kafka::admin_failure(error)),
        }
    }
    let reports = brokers.into_iter().map(|broker| BrokerReport { id: broker.id, address: broker.address });
    Ok((reports.collect(), deviations))
}

/// Checks the default compatibility level, which must keep new readers able to read old records.
fn level_deviation(level: Level) -> Option<Deviation> {
    (level != Level::Backward).then(|| Deviation {
        of: "registry".to_owned(),
        property: "compatibility".to_owned(),
        expected: Level::Backward.to_string(),
        found: Some(level.to_string()),
    })
}

impl ClusterReport {
    fn write(&self, out: &mut Stdout) -> anyhow::Result<()> {
        for broker in &self.brokers {
            out.line(&format!("broker {} at {}", broker.id, broker.address))?;
        }
        if let Some(registry) = &self.registry {
            out.line(&format!("registry at {}, {}", registry.url, registry.level))?;
        }
        for deviation in &self.deviations {
            out.line(&deviation.to_string())?;
        }
        let verdict = match self.deviations.len() {
            0 => "no deviations".to_owned(),
            1 => "1 deviation".to_owned(),
            count => format!("{count} deviations"),
        };
        out.line(&verdict)
    }
}

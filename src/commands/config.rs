//! `config show`: every setting, its value and its origin.

use serde::Serialize;

use crate::{
    cli::ConfigShow,
    exit::Outcome,
    output,
    report::SCHEMA_VERSION,
    settings::{Group, Settings},
};

#[derive(Serialize)]
struct SettingsReport {
    schema_version: u32,
    settings: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    value: Option<String>,
    origin: String,
}

pub(crate) fn show(args: &ConfigShow, settings: &Settings) -> anyhow::Result<Outcome> {
    let lines: Vec<Line> = settings
        .iter()
        .map(|(definition, text)| Line {
            name: definition.full_name(),
            value: text.map(|text| definition.shown(&text.value).into_owned()),
            origin: text.map_or_else(|| "not set".to_owned(), |text| text.origin.to_string()),
        })
        .collect();
    let report = SettingsReport { schema_version: SCHEMA_VERSION, settings: lines };
    output::emit(args.json, &report, |out| {
        let lines = &report.settings;
        let name_width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        let values = lines.iter().filter_map(|line| line.value.as_deref());
        let value_width = values.map(str::len).max().unwrap_or(0);
        lines.iter().try_for_each(|Line { name, value, origin }| {
            let value = value.as_deref().unwrap_or("-");
            out.line(&format!("{name:name_width$}  {value:value_width$}  {origin}"))
        })
    })?;
    // after the table, which helps to correct an invalid value
    for group in Group::ALL {
        settings.check(group)?;
    }
    Ok(Outcome::Done)
}

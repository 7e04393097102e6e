//! `cryptlet bind changes`.

use std::io::Write;

use clap::Args;
use cryptlet_service::api::{BindingChanges, ChangeView};

use crate::failure::Failure;
use crate::listing::json;
use crate::operator::client::Connection;
use crate::terminal::{BAD, Cell, GOOD, Table, printable};

const EXAMPLES: &str = "\
Examples:
  cryptlet bind changes acme-globex-swap
  cryptlet bind changes acme-globex-swap --json | jq -r .document > in-force.toml";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    #[command(flatten)]
    service: Connection,
    /// Print JSON, with the document in force.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let client = arguments.service.open()?;
    let changes: BindingChanges = client.get(&["bindings", &arguments.binding, "changes"])?;
    if arguments.json {
        return json(&changes, output);
    }
    if !changes.changes.is_empty() {
        let mut table = Table::new([
            "CHANGE",
            "KIND",
            "VERSION",
            "MODULE",
            "SIGNED",
            "STATUS",
            "COUNTS FROM",
        ]);
        for change in &changes.changes {
            table.row(row(change));
        }
        table.print(output)?;
        for change in &changes.changes {
            if let Some(reason) = &change.reason {
                writeln!(output, "change {}: {}", change.number, printable(reason))?;
            }
        }
        writeln!(output)?;
    }
    writeln!(
        output,
        "{} is in force in version {}",
        printable(&changes.binding),
        printable(&changes.version)
    )?;
    Ok(())
}

fn row(change: &ChangeView) -> [Cell; 7] {
    let short = |text: &str| text.chars().take(12).collect::<String>();
    let status = Cell::from(change.status.clone());
    [
        change.number.to_string().into(),
        change.kind.clone().into(),
        short(&change.version).into(),
        short(&change.measurement).into(),
        format!("{} of {}", change.signed.len(), change.required).into(),
        match change.status.as_str() {
            "active" => status.styled(GOOD),
            "refused" => status.styled(BAD),
            _ => status,
        },
        change
            .counts_from
            .filter(|from| *from > 0)
            .map_or_else(|| "-".into(), |from| from.to_string())
            .into(),
    ]
}

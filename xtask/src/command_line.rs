use anyhow::{Result, bail};

pub const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup              install what the other commands need and this machine lacks
  guests             build the cryptlets into target/cryptlets
  contracts          compile the contracts into contracts/artifacts
  contracts --check  compile them and fail if the committed artefacts differ
  book               make web pages of docs/ in target/book
  demo [ARGUMENT…]   run the demonstration: an interest-rate swap from binding to settlement
  devnet [FOLDER] [--port N] [--settled N]
                     run a chain with the demonstration's contracts to try the `cryptlet` command on
  dist               build the release: an archive with sums in target/dist
  dist --check       pack and inspect an archive of the command as the tests build it
  bench container    what a run in the sandbox costs, against the same component in wasmtime alone
  bench receipts     how fast receipts are sealed, verified, proven and replayed, against named rivals
  bench versions     how calls fare while versions change, and that not one is lost, doubled or mixed
  interop            check the specification's vectors with code that is not ours
  test               everything that a change must pass
  help               this text";

/// What the caller wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    Help,
    Setup,
    Guests,
    Contracts { check: bool },
    Book,
    Demo { arguments: Vec<String> },
    Devnet { arguments: Vec<String> },
    Dist { check: bool },
    Bench { name: &'static str },
    Interop,
    Test,
}

impl Order {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let Some(command) = arguments.next() else {
            bail!("a command is missing")
        };
        let rest: Vec<String> = arguments.collect();
        let options: Vec<&str> = rest.iter().map(String::as_str).collect();
        Ok(match (command.as_str(), options.as_slice()) {
            ("help" | "--help" | "-h", _) => Order::Help,
            ("setup", []) => Order::Setup,
            ("guests", []) => Order::Guests,
            ("contracts", []) => Order::Contracts { check: false },
            ("contracts", ["--check"]) => Order::Contracts { check: true },
            ("book", []) => Order::Book,
            ("demo", _) => Order::Demo { arguments: rest },
            ("devnet", _) => Order::Devnet { arguments: rest },
            ("dist", []) => Order::Dist { check: false },
            ("dist", ["--check"]) => Order::Dist { check: true },
            ("bench", ["container"]) => Order::Bench { name: "container" },
            ("bench", ["receipts"]) => Order::Bench { name: "receipts" },
            ("bench", ["versions"]) => Order::Bench { name: "versions" },
            ("bench", _) => {
                bail!(
                    "`cargo xtask bench` takes the name of a bench: container, receipts or versions"
                )
            }
            ("interop", []) => Order::Interop,
            ("test", []) => Order::Test,
            (
                "setup" | "guests" | "contracts" | "book" | "dist" | "interop" | "test",
                [first, ..],
            ) => {
                bail!("`cargo xtask {command}` does not take {first:?}")
            }
            _ => bail!("there is no command {command:?}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Order> {
        Order::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_every_command_of_the_usage_text() {
        let lines = USAGE.lines().filter_map(|line| line.strip_prefix("  "));
        for line in lines.filter(|line| !line.starts_with(' ')) {
            let form = line.split_once("  ").map_or(line, |(form, _)| form);
            let command = form.split(" [").next().unwrap_or(form);
            assert!(
                parse(command).is_ok(),
                "{command:?} is in the usage text but not understood"
            );
        }
    }

    #[test]
    fn an_option_that_a_command_does_not_have_is_an_error_that_names_it() {
        let error = parse("test --fast")
            .expect_err("there is no such option")
            .to_string();
        assert!(error.contains("--fast"), "{error}");
        let error = parse("bake")
            .expect_err("there is no such command")
            .to_string();
        assert!(error.contains("bake"), "{error}");
    }

    #[test]
    fn the_demonstration_gets_its_arguments_as_they_are() {
        let order = parse("demo --slow 3").expect("everything goes through");
        assert_eq!(
            order,
            Order::Demo {
                arguments: vec!["--slow".into(), "3".into()]
            }
        );
    }
}

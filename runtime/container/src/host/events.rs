//! `events` and `log`: what the outside hears, for programs and for people.

use super::{Capability, Guest, OUTPUT_SCHEMA};
use crate::bindings::cryptlet::fabric::{events, log};
use crate::receipt_size;
use crate::run::{Event, LogLine};
use crate::transcript::{Failure, Level, Record};

impl events::Host for Guest {
    fn publish(&mut self, topic: String, body: Vec<u8>) -> wasmtime::Result<()> {
        self.enter(Capability::Events)?;
        self.tally.output(topic.len() + body.len())?;
        self.tally.receipt(receipt_size::event(&topic))?;
        self.record(Record::Publish {
            topic: topic.clone(),
            body: body.clone(),
        })?;
        let cryptlet = self.cryptlet.clone();
        let topics = &cryptlet.manifest().messages.topics;
        match topics.iter().find(|message| message.name() == topic) {
            Some(message) => {
                if let Err(error) = message.check(&body) {
                    self.misfit(&format!("event {topic}"), &error);
                }
            }
            None => {
                let declared: Vec<&str> = topics.iter().map(|message| message.name()).collect();
                self.misfit.get_or_insert_with(|| Failure {
                    code: OUTPUT_SCHEMA.to_owned(),
                    message: format!(
                        "event {topic}: expected one of the manifest's topics [{}], found another",
                        declared.join(", ")
                    ),
                });
            }
        }
        self.staged.events.push(Event { topic, body });
        Ok(())
    }
}

impl log::Host for Guest {
    fn log(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.enter(Capability::Log)?;
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.tally.log(message.len())?;
        self.record(Record::log(level, &message))?;
        self.keep_line(level, message);
        Ok(())
    }
}

impl Guest {
    /// Keeps a line for people, unless the chain has kept so many that there is no room for it. No run
    /// goes another way for that: lines are neither attested nor read by any guest.
    pub(crate) fn keep_line(&mut self, level: Level, message: String) {
        if self.chain.has_room_for_line(&message) {
            self.staged.logs.push(LogLine { level, message });
        } else {
            self.staged.lines_left_out += 1;
        }
    }

    /// What is missing does not look as if it had never been there.
    pub(crate) fn tell_of_lines_left_out(&mut self) {
        let left_out = self.staged.lines_left_out;
        if left_out > 0 {
            self.staged.logs.push(LogLine {
                level: Level::Warn,
                message: format!(
                    "{left_out} lines are left out here: this invocation and the sources that it \
                     asked wrote more than its host keeps"
                ),
            });
        }
    }
}

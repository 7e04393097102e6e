use serde::{Deserialize, Serialize};

/// How much one run may use. The same type says what a cryptlet asks for, what a binding grants
/// and what a host allows; [`capped_by`](Limits::capped_by) joins them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Units of deterministic fuel.
    pub fuel: u64,
    /// Linear memory, in bytes.
    pub memory_bytes: u64,
    /// Elements of all tables.
    pub table_elements: u64,
    /// Reply, events, drafts and state writes together, in bytes.
    pub output_bytes: u64,
    /// Log lines together, in bytes.
    pub log_bytes: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Cryptlets in one chain of questions: 1 is the cryptlet alone, 2 lets it ask a source.
    pub call_depth: u64,
    /// Body of one HTTP response, in bytes.
    pub http_response_bytes: u64,
    /// Time on the wall clock, a backstop: a run that it stops is never attested as replayable.
    pub wall_clock_milliseconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            fuel: 50_000_000,
            memory_bytes: 16 << 20,
            table_elements: 10_000,
            output_bytes: 64 << 10,
            log_bytes: 16 << 10,
            host_calls: 256,
            call_depth: 2,
            http_response_bytes: 1 << 20,
            wall_clock_milliseconds: 10_000,
        }
    }
}

impl Limits {
    /// The most that any manifest may ask for.
    pub const MAXIMUM: Limits = Limits {
        fuel: 1_000_000_000_000,
        memory_bytes: 4 << 30,
        table_elements: 10_000_000,
        output_bytes: 64 << 20,
        log_bytes: 16 << 20,
        // A list in a receipt has at most 4,096 items, and each output and source asked is a host call.
        host_calls: 4_000,
        call_depth: 16,
        http_response_bytes: 256 << 20,
        wall_clock_milliseconds: 600_000,
    };

    /// The smaller of the two, limit by limit.
    #[must_use]
    pub fn capped_by(&self, cap: &Limits) -> Limits {
        Limits {
            fuel: self.fuel.min(cap.fuel),
            memory_bytes: self.memory_bytes.min(cap.memory_bytes),
            table_elements: self.table_elements.min(cap.table_elements),
            output_bytes: self.output_bytes.min(cap.output_bytes),
            log_bytes: self.log_bytes.min(cap.log_bytes),
            host_calls: self.host_calls.min(cap.host_calls),
            call_depth: self.call_depth.min(cap.call_depth),
            http_response_bytes: self.http_response_bytes.min(cap.http_response_bytes),
            wall_clock_milliseconds: self
                .wall_clock_milliseconds
                .min(cap.wall_clock_milliseconds),
        }
    }

    /// Names, as in `cryptlet.toml`, and values, in a fixed order.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, u64); 9] {
        [
            ("fuel", self.fuel),
            ("memory-bytes", self.memory_bytes),
            ("table-elements", self.table_elements),
            ("output-bytes", self.output_bytes),
            ("log-bytes", self.log_bytes),
            ("host-calls", self.host_calls),
            ("call-depth", self.call_depth),
            ("http-response-bytes", self.http_response_bytes),
            ("wall-clock-milliseconds", self.wall_clock_milliseconds),
        ]
    }

    /// The [entries](Self::entries) in the order in which receipts have them: that of RFC 8949 section
    /// 4.2.1, shorter names first.
    #[must_use]
    pub fn receipt_entries(&self) -> [(&'static str, u64); 9] {
        let [
            fuel,
            memory_bytes,
            table_elements,
            output_bytes,
            log_bytes,
            host_calls,
            call_depth,
            http_response_bytes,
            wall_clock_milliseconds,
        ] = self.entries();
        [
            fuel,
            log_bytes,
            call_depth,
            host_calls,
            memory_bytes,
            output_bytes,
            table_elements,
            http_response_bytes,
            wall_clock_milliseconds,
        ]
    }

    /// Limits from [their names and values](Self::entries), in any order; none unless each is there
    /// once and no other.
    #[must_use]
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Limits> {
        let mut limits = Limits::default();
        let mut missing: Vec<&str> = limits.entries().iter().map(|(name, _)| *name).collect();
        for (name, value) in entries {
            let position = missing.iter().position(|other| *other == name)?;
            missing.swap_remove(position);
            *limits.entry_mut(name)? = value;
        }
        missing.is_empty().then_some(limits)
    }

    /// The value of that name, to be set.
    pub(crate) fn entry_mut(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "fuel" => &mut self.fuel,
            "memory-bytes" => &mut self.memory_bytes,
            "table-elements" => &mut self.table_elements,
            "output-bytes" => &mut self.output_bytes,
            "log-bytes" => &mut self.log_bytes,
            "host-calls" => &mut self.host_calls,
            "call-depth" => &mut self.call_depth,
            "http-response-bytes" => &mut self.http_response_bytes,
            "wall-clock-milliseconds" => &mut self.wall_clock_milliseconds,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_have_the_same_entries_with_shorter_names_first() {
        let place = |(name, _): &(&'static str, u64)| (name.len(), *name);
        let mut expected = Limits::MAXIMUM.entries();
        expected.sort_by_key(place);
        assert_eq!(Limits::MAXIMUM.receipt_entries(), expected);
    }

    #[test]
    fn entries_come_back_whatever_their_order_and_only_if_all_are_there_once() {
        let mut entries = Limits::MAXIMUM.entries();
        entries.reverse();
        assert_eq!(Limits::from_entries(entries), Some(Limits::MAXIMUM));
        assert_eq!(Limits::from_entries(entries[1..].iter().copied()), None);
        let twice = entries.into_iter().chain([("fuel", 1)]);
        assert_eq!(Limits::from_entries(twice), None);
        let other = entries.into_iter().chain([("patience", 1)]);
        assert_eq!(Limits::from_entries(other), None);
    }
}

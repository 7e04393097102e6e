//! What guests can call, by their short names and as WIT.

/// Short name, interface, function and core type of everything that a guest can call.
pub const IMPORTS: &[(&str, &str, &str, &str)] = &[
    ("$build", BUILDER, "build", "(param i32 i32 i32 i32 i32)"),
    (
        "$draft_digest",
        BUILDER,
        "[method]draft.digest",
        "(param i32 i32)",
    ),
    (
        "$draft_drop",
        BUILDER,
        "[resource-drop]draft",
        "(param i32)",
    ),
    ("$submit", ROUTER, "submit", "(param i32) (result i64)"),
    ("$status", ROUTER, "status", "(param i64 i32)"),
    (
        "$ask",
        "cryptlet:fabric/source@0.1.0",
        "ask",
        "(param i32 i32 i32 i32 i32)",
    ),
    (
        "$fetch",
        "cryptlet:fabric/http@0.1.0",
        "fetch",
        "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)",
    ),
    ("$state_get", STATE, "get", "(param i32 i32 i32)"),
    ("$state_set", STATE, "set", "(param i32 i32 i32 i32)"),
    ("$state_remove", STATE, "remove", "(param i32 i32)"),
    (
        "$state_keys",
        STATE,
        "keys",
        "(param i32 i32 i32 i32 i32 i32 i32)",
    ),
    (
        "$public_key_of",
        KEYCHAIN,
        "public-key-of",
        "(param i32 i32 i32)",
    ),
    ("$sign", KEYCHAIN, "sign", "(param i32 i32 i32 i32 i32)"),
    (
        "$publish",
        "cryptlet:fabric/events@0.1.0",
        "publish",
        "(param i32 i32 i32 i32)",
    ),
    (
        "$log",
        "cryptlet:fabric/log@0.1.0",
        "log",
        "(param i32 i32 i32)",
    ),
    ("$foreign", "vendor:secret/door@1.0.0", "open", ""),
    ("$connect", "wasi:sockets/door@0.2.6", "connect", ""),
    (
        "$wall_now",
        "wasi:clocks/wall-clock@0.2.6",
        "now",
        "(param i32)",
    ),
    ("$now", MONOTONIC, "now", "(result i64)"),
    (
        "$sleep",
        MONOTONIC,
        "subscribe-duration",
        "(param i64) (result i32)",
    ),
    (
        "$block",
        "wasi:io/poll@0.2.6",
        "[method]pollable.block",
        "(param i32)",
    ),
    ("$poll", "wasi:io/poll@0.2.6", "poll", "(param i32 i32 i32)"),
    (
        "$random",
        "wasi:random/random@0.2.6",
        "get-random-bytes",
        "(param i64 i32)",
    ),
    (
        "$stdout",
        "wasi:cli/stdout@0.2.6",
        "get-stdout",
        "(result i32)",
    ),
    (
        "$print",
        "wasi:io/streams@0.2.6",
        "[method]output-stream.blocking-write-and-flush",
        "(param i32 i32 i32 i32)",
    ),
    ("$exit", "wasi:cli/exit@0.2.6", "exit", "(param i32)"),
    (
        "$arguments",
        "wasi:cli/environment@0.2.6",
        "get-arguments",
        "(param i32)",
    ),
    (
        "$environment",
        "wasi:cli/environment@0.2.6",
        "get-environment",
        "(param i32)",
    ),
    (
        "$folder",
        "wasi:cli/environment@0.2.6",
        "initial-cwd",
        "(param i32)",
    ),
    (
        "$wall_resolution",
        "wasi:clocks/wall-clock@0.2.6",
        "resolution",
        "(param i32)",
    ),
    ("$resolution", MONOTONIC, "resolution", "(result i64)"),
    (
        "$insecure_random",
        "wasi:random/insecure@0.2.6",
        "get-insecure-random-bytes",
        "(param i64 i32)",
    ),
    (
        "$insecure_seed",
        "wasi:random/insecure-seed@0.2.6",
        "insecure-seed",
        "(param i32)",
    ),
    (
        "$stdin",
        "wasi:cli/stdin@0.2.6",
        "get-stdin",
        "(result i32)",
    ),
    (
        "$terminal",
        "wasi:cli/terminal-stdout@0.2.6",
        "get-terminal-stdout",
        "(param i32)",
    ),
    (
        "$read_stream",
        "wasi:io/streams@0.2.6",
        "[method]input-stream.blocking-read",
        "(param i32 i64 i32)",
    ),
    (
        "$directories",
        "wasi:filesystem/preopens@0.2.6",
        "get-directories",
        "(param i32)",
    ),
    (
        "$open_at",
        FILES,
        "[method]descriptor.open-at",
        "(param i32 i32 i32 i32 i32 i32 i32)",
    ),
    (
        "$read_file",
        FILES,
        "[method]descriptor.read",
        "(param i32 i64 i64 i32)",
    ),
    (
        "$file_stream",
        FILES,
        "[method]descriptor.read-via-stream",
        "(param i32 i64 i32)",
    ),
    ("$stat", FILES, "[method]descriptor.stat", "(param i32 i32)"),
    (
        "$stat_at",
        FILES,
        "[method]descriptor.stat-at",
        "(param i32 i32 i32 i32 i32)",
    ),
    (
        "$metadata_hash",
        FILES,
        "[method]descriptor.metadata-hash",
        "(param i32 i32)",
    ),
    (
        "$list",
        FILES,
        "[method]descriptor.read-directory",
        "(param i32 i32)",
    ),
    (
        "$next_entry",
        FILES,
        "[method]directory-entry-stream.read-directory-entry",
        "(param i32 i32)",
    ),
    (
        "$write_file",
        FILES,
        "[method]descriptor.write",
        "(param i32 i32 i32 i64 i32)",
    ),
    (
        "$make_directory",
        FILES,
        "[method]descriptor.create-directory-at",
        "(param i32 i32 i32 i32)",
    ),
    ("$sync", FILES, "[method]descriptor.sync", "(param i32 i32)"),
];

pub const MIGRATION: &str = "cryptlet:fabric/migration@0.1.0";
const BUILDER: &str = "cryptlet:fabric/transaction-builder@0.1.0";
const ROUTER: &str = "cryptlet:fabric/router@0.1.0";
const STATE: &str = "cryptlet:fabric/state@0.1.0";
const KEYCHAIN: &str = "cryptlet:fabric/keychain@0.1.0";
const MONOTONIC: &str = "wasi:clocks/monotonic-clock@0.2.6";

const FILES: &str = "wasi:filesystem/types@0.2.6";

pub const FABRIC: &str = include_str!("../../../../../wit/fabric.wit");

pub const WORLD: &str = "
package test:guest;
world test {
    import cryptlet:fabric/transaction-builder@0.1.0;
    import cryptlet:fabric/router@0.1.0;
    import cryptlet:fabric/source@0.1.0;
    import cryptlet:fabric/http@0.1.0;
    import cryptlet:fabric/state@0.1.0;
    import cryptlet:fabric/keychain@0.1.0;
    import cryptlet:fabric/events@0.1.0;
    import cryptlet:fabric/log@0.1.0;
    import vendor:secret/door@1.0.0;
    import wasi:sockets/door@0.2.6;
    import wasi:clocks/wall-clock@0.2.6;
    import wasi:clocks/monotonic-clock@0.2.6;
    import wasi:io/poll@0.2.6;
    import wasi:io/streams@0.2.6;
    import wasi:random/random@0.2.6;
    import wasi:random/insecure@0.2.6;
    import wasi:random/insecure-seed@0.2.6;
    import wasi:cli/stdin@0.2.6;
    import wasi:cli/terminal-stdout@0.2.6;
    import wasi:cli/stdout@0.2.6;
    import wasi:cli/exit@0.2.6;
    import wasi:cli/environment@0.2.6;
    import wasi:filesystem/types@0.2.6;
    import wasi:filesystem/preopens@0.2.6;
    export cryptlet:fabric/cryptlet@0.1.0;
}
world migrating {
    include test;
    export cryptlet:fabric/migration@0.1.0;
}
";

/// The part of WASI 0.2 that the tests call, and interfaces that nobody offers.
pub const WASI: &str = "
package test:packages;
package vendor:secret@1.0.0 { interface door { open: func(); } }
package wasi:sockets@0.2.6 { interface door { connect: func(); } }
package wasi:io@0.2.6 {
    interface poll {
        resource pollable { ready: func() -> bool; block: func(); }
        poll: func(in: list<borrow<pollable>>) -> list<u32>;
    }
    interface error { resource error { to-debug-string: func() -> string; } }
    interface streams {
        use error.{error};
        use poll.{pollable};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream {
            blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
        }
        resource output-stream {
            check-write: func() -> result<u64, stream-error>;
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            subscribe: func() -> pollable;
        }
    }
}
package wasi:clocks@0.2.6 {
    interface wall-clock {
        record datetime { seconds: u64, nanoseconds: u32 }
        now: func() -> datetime;
        resolution: func() -> datetime;
    }
    interface monotonic-clock {
        use wasi:io/poll@0.2.6.{pollable};
        now: func() -> u64;
        resolution: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
}
package wasi:random@0.2.6 {
    interface random { get-random-bytes: func(len: u64) -> list<u8>; }
    interface insecure { get-insecure-random-bytes: func(len: u64) -> list<u8>; }
    interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }
}
package wasi:cli@0.2.6 {
    interface stdout {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stdout: func() -> output-stream;
    }
    interface stdin {
        use wasi:io/streams@0.2.6.{input-stream};
        get-stdin: func() -> input-stream;
    }
    interface terminal-output { resource terminal-output; }
    interface terminal-stdout {
        use terminal-output.{terminal-output};
        get-terminal-stdout: func() -> option<terminal-output>;
    }
    interface exit { exit: func(status: result); }
    interface environment {
        get-environment: func() -> list<tuple<string, string>>;
        get-arguments: func() -> list<string>;
        initial-cwd: func() -> option<string>;
    }
}
package wasi:filesystem@0.2.6 {
    interface types {
        use wasi:io/streams@0.2.6.{input-stream};
        use wasi:clocks/wall-clock@0.2.6.{datetime};
        enum descriptor-type {
            unknown, block-device, character-device, directory, fifo, symbolic-link, regular-file,
            socket,
        }
        flags descriptor-flags {
            read, write, file-integrity-sync, data-integrity-sync, requested-write-sync,
            mutate-directory,
        }
        flags path-flags { symlink-follow }
        flags open-flags { create, directory, exclusive, truncate }
        record descriptor-stat {
            %type: descriptor-type,
            link-count: u64,
            size: u64,
            data-access-timestamp: option<datetime>,
            data-modification-timestamp: option<datetime>,
            status-change-timestamp: option<datetime>,
        }
        record directory-entry { %type: descriptor-type, name: string }
        record metadata-hash-value { lower: u64, upper: u64 }
        enum error-code {
            access, would-block, already, bad-descriptor, busy, deadlock, quota, exist,
            file-too-large, illegal-byte-sequence, in-progress, interrupted, invalid, io,
            is-directory, loop, too-many-links, message-size, name-too-long, no-device, no-entry,
            no-lock, insufficient-memory, insufficient-space, not-directory, not-empty,
            not-recoverable, unsupported, no-tty, no-such-device, overflow, not-permitted, pipe,
            read-only, invalid-seek, text-file-busy, cross-device,
        }
        resource descriptor {
            read-via-stream: func(offset: u64) -> result<input-stream, error-code>;
            sync: func() -> result<_, error-code>;
            read: func(length: u64, offset: u64) -> result<tuple<list<u8>, bool>, error-code>;
            write: func(buffer: list<u8>, offset: u64) -> result<u64, error-code>;
            read-directory: func() -> result<directory-entry-stream, error-code>;
            create-directory-at: func(path: string) -> result<_, error-code>;
            stat: func() -> result<descriptor-stat, error-code>;
            stat-at: func(path-flags: path-flags, path: string)
                -> result<descriptor-stat, error-code>;
            open-at: func(path-flags: path-flags, path: string, open-flags: open-flags,
                %flags: descriptor-flags) -> result<descriptor, error-code>;
            metadata-hash: func() -> result<metadata-hash-value, error-code>;
        }
        resource directory-entry-stream {
            read-directory-entry: func() -> result<option<directory-entry>, error-code>;
        }
    }
    interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
    }
}
";

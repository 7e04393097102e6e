-- The journal: everything the fabric must not forget, one commit at a time.
-- Strict tables of plain types, so that the same schema can be carried by PostgreSQL.

-- The transparency log. `position` counts from 0 without gaps.
CREATE TABLE leaf (
    position INTEGER PRIMARY KEY,
    entry    BLOB NOT NULL
) STRICT;

-- The tree over the leaves in C2SP tlog-tiles: up to 256 hashes of 32 bytes each. The last tile of a
-- level grows with every commit.
CREATE TABLE tile (
    level  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, number)
) STRICT;

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    -- The same root as a COSE_Sign1, to which a proof is added for each COSE Receipt.
    cose BLOB NOT NULL
) STRICT;

-- What witnesses signed under checkpoints: a line of a signed note each.
CREATE TABLE cosignature (
    size    INTEGER NOT NULL REFERENCES checkpoint (size),
    witness TEXT NOT NULL,
    line    TEXT NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT;

-- What the host says of itself, signed with the log's key once for each executable.
CREATE TABLE evidence (
    encoded BLOB PRIMARY KEY
) STRICT;

-- Source bytes of every component that was ever deployed.
CREATE TABLE module (
    measurement BLOB PRIMARY KEY,
    component   BLOB NOT NULL
) STRICT;

CREATE TABLE version (
    cryptlet    TEXT NOT NULL,
    version     TEXT NOT NULL,
    measurement BLOB NOT NULL REFERENCES module (measurement),
    deployed_at INTEGER NOT NULL,
    -- The leaf that tells the world.
    leaf        INTEGER NOT NULL REFERENCES leaf (position),
    PRIMARY KEY (cryptlet, version)
) STRICT;

CREATE TABLE binding (
    id              BLOB PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    version         BLOB NOT NULL,
    document        TEXT NOT NULL,
    approvals       TEXT NOT NULL,
    -- The version that new invocations run on, as `stage` has it.
    active          TEXT NOT NULL,
    next_invocation INTEGER NOT NULL DEFAULT 1,
    next_submission INTEGER NOT NULL DEFAULT 1,
    next_delivery   INTEGER NOT NULL DEFAULT 1,
    -- First block whose events have not been read.
    next_block      INTEGER NOT NULL DEFAULT 0,
    -- Invocations that are accepted and have not run.
    waiting         INTEGER NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    last_receipt    BLOB,
    -- What the newest receipt says about the state, salted by the run that wrote it; none: nobody has.
    state_digest    BLOB,
    -- The bound cryptlet's name.
    cryptlet        TEXT NOT NULL,
    -- The version of the state; none while every version that was active reads what the active one reads.
    state_version   INTEGER,
    -- The signed change that it takes nothing new for; none: it does not pause.
    paused_by       INTEGER,
    -- The change after which the gateway refuses what it delivers, or takes it otherwise than the
    -- document says: a revocation of what runs, or terms without their document. It takes nothing
    -- new either; none: there is none.
    stopped_by      INTEGER
) STRICT;

-- Where each version of a binding's cryptlet stands; one without a row is deployed.
CREATE TABLE stage (
    binding     BLOB NOT NULL REFERENCES binding (id),
    version     TEXT NOT NULL,
    measurement BLOB NOT NULL REFERENCES module (measurement),
    stage       TEXT NOT NULL CHECK (stage IN ('deployed', 'shadow', 'canary', 'active', 'draining', 'retained', 'retired')),
    -- The canary's share of new invocations, in thousandths.
    share       INTEGER CHECK ((share IS NULL) = (stage <> 'canary')),
    since       INTEGER NOT NULL,
    PRIMARY KEY (binding, version)
) STRICT;
CREATE UNIQUE INDEX stage_active ON stage (binding) WHERE stage = 'active';
CREATE UNIQUE INDEX stage_canary ON stage (binding) WHERE stage = 'canary';

-- How they came there. The first move of a binding is its activation.
CREATE TABLE version_move (
    binding     BLOB NOT NULL REFERENCES binding (id),
    ordinal     INTEGER NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('activated', 'shadowed', 'canaried', 'promoted', 'rolled-back', 'withdrawn', 'draining', 'retained', 'retired')),
    version     TEXT NOT NULL,
    measurement BLOB NOT NULL REFERENCES module (measurement),
    from_stage  TEXT NOT NULL,
    to_stage    TEXT NOT NULL,
    share       INTEGER,
    decided_by  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    -- The leaf that tells the world.
    leaf        INTEGER NOT NULL REFERENCES leaf (position),
    PRIMARY KEY (binding, ordinal)
) STRICT;

-- What versions in shadow did with live runs of the active version; the newest of each.
CREATE TABLE shadow_run (
    binding        BLOB NOT NULL REFERENCES binding (id),
    version        TEXT NOT NULL,
    number         INTEGER NOT NULL,
    -- The version that ran.
    active         TEXT NOT NULL,
    clean          INTEGER NOT NULL CHECK (clean IN (0, 1)),
    -- JSON, field by field; `[]` if it is clean.
    differences    TEXT NOT NULL,
    fuel_active    INTEGER NOT NULL,
    fuel_candidate INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (binding, version, number)
) STRICT;

-- How much worse than the active version a binding's canary may do.
CREATE TABLE canary_bounds (
    binding     BLOB PRIMARY KEY REFERENCES binding (id),
    max_errors  INTEGER NOT NULL,
    max_fuel    INTEGER NOT NULL,
    max_latency INTEGER NOT NULL,
    least_runs  INTEGER NOT NULL
) STRICT;

-- Documents that are or were in force.
CREATE TABLE agreement (
    binding   BLOB NOT NULL REFERENCES binding (id),
    version   BLOB NOT NULL,
    document  TEXT NOT NULL,
    approvals TEXT NOT NULL,
    -- The leaf that brought it into force.
    leaf      INTEGER NOT NULL REFERENCES leaf (position),
    PRIMARY KEY (binding, version)
) STRICT;

-- What counterparties are asked to change, and how far that is.
CREATE TABLE change (
    binding     BLOB NOT NULL REFERENCES binding (id),
    number      INTEGER NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('change', 'allow', 'revoke')),
    -- The document that it was proposed for, and the one that shall be in force.
    in_force    TEXT NOT NULL,
    document    TEXT NOT NULL,
    -- The pair that is allowed or revoked, and the gateway's nonce.
    version     BLOB NOT NULL,
    measurement BLOB NOT NULL,
    nonce       INTEGER NOT NULL,
    approvals   TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('proposed', 'signed', 'carried', 'active', 'refused')),
    reason      TEXT,
    -- The chain's time from which on it counts; seconds.
    counts_from INTEGER,
    proposed_at INTEGER NOT NULL,
    PRIMARY KEY (binding, number)
) STRICT;
CREATE INDEX change_open ON change (binding, number) WHERE status IN ('signed', 'carried');

-- Its rows, and those of `execution`, stand in the order of the log. The work that writes them has
-- checked what they refer to: a foreign key would only look for it once more.
CREATE TABLE invocation (
    -- The leaf that accepted it.
    leaf        INTEGER PRIMARY KEY,
    binding     BLOB NOT NULL,
    number      INTEGER NOT NULL,
    -- What must not be accepted twice: a chain event's place, a caller's idempotency key.
    occurrence  TEXT NOT NULL,
    input       BLOB NOT NULL,
    instant     INTEGER NOT NULL,
    seed        BLOB NOT NULL,
    salt        BLOB NOT NULL,
    -- Fixed here, so that a promotion between acceptance and run changes nothing.
    measurement BLOB NOT NULL,
    -- Its operator decided to go on without an answer to it.
    passed_over INTEGER NOT NULL DEFAULT 0 CHECK (passed_over IN (0, 1)),
    -- The document that it runs and delivers under, fixed like the module.
    binding_version BLOB NOT NULL,
    -- It answers a contract event, failed, and was neither run again nor passed over.
    holds       INTEGER NOT NULL DEFAULT 0 CHECK (holds IN (0, 1)),
    UNIQUE (binding, number),
    UNIQUE (binding, occurrence)
) STRICT;
-- It is looked into at each run.
CREATE INDEX invocation_holding ON invocation (binding, number) WHERE holds = 1;

-- Invocations that are accepted and have not run, in the order in which they do: a row is taken away
-- where one that says so would have to be written again with its whole input.
CREATE TABLE queued (
    binding     BLOB NOT NULL,
    -- 0: it runs a failed trigger once more, before everything else.
    rank        INTEGER NOT NULL CHECK (rank IN (0, 1)),
    number      INTEGER NOT NULL,
    -- The leaf that accepted it.
    leaf        INTEGER NOT NULL,
    measurement BLOB NOT NULL,
    PRIMARY KEY (binding, rank, number)
) STRICT, WITHOUT ROWID;

-- One row for the bound cryptlet (ordinal 0) and one for each source it asked.
CREATE TABLE execution (
    -- The receipt.
    leaf        INTEGER PRIMARY KEY,
    binding     BLOB NOT NULL,
    number      INTEGER NOT NULL,
    ordinal     INTEGER NOT NULL,
    cryptlet    TEXT NOT NULL,
    version     TEXT NOT NULL,
    input       BLOB NOT NULL,
    transcript  BLOB NOT NULL,
    reply       BLOB,
    outcome     TEXT NOT NULL,
    explanation TEXT,
    fuel        INTEGER NOT NULL,
    peak_memory INTEGER NOT NULL,
    host_calls  INTEGER NOT NULL,
    UNIQUE (binding, number, ordinal)
) STRICT;

-- A canary is judged by the newest runs of two versions, however many others there were.
CREATE INDEX execution_of_version ON execution (binding, version, leaf) WHERE ordinal = 0;

CREATE TABLE event (
    -- Where a reader goes on: rises over all bindings, in the order of their commits.
    place    INTEGER PRIMARY KEY,
    binding  BLOB NOT NULL,
    number   INTEGER NOT NULL,
    ordinal  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    topic    TEXT NOT NULL,
    body     BLOB NOT NULL,
    UNIQUE (binding, number, ordinal, position)
) STRICT;
CREATE INDEX event_of_binding ON event (binding, place);

CREATE TABLE state (
    binding BLOB NOT NULL REFERENCES binding (id),
    key     TEXT NOT NULL,
    value   BLOB NOT NULL,
    PRIMARY KEY (binding, key)
) STRICT;

-- Every change of a state, by the receipt that tells of it: runs do not always end in the order of
-- their numbers.
CREATE TABLE state_change (
    binding BLOB NOT NULL,
    key     TEXT NOT NULL,
    leaf    INTEGER NOT NULL,
    -- None: removed.
    value   BLOB,
    PRIMARY KEY (binding, key, leaf)
) STRICT;
CREATE INDEX state_change_by_leaf ON state_change (binding, leaf);

-- States that were rewritten by a move: migrated upwards, or restored downwards.
CREATE TABLE state_rewrite (
    -- The move's. The state up to here is the snapshot that a rollback restores.
    leaf         INTEGER PRIMARY KEY REFERENCES leaf (position),
    binding      BLOB NOT NULL REFERENCES binding (id),
    -- Of the digest that the leaf has of the new state.
    salt         BLOB NOT NULL,
    from_version INTEGER NOT NULL,
    to_version   INTEGER NOT NULL
) STRICT;
CREATE INDEX state_rewrite_of_binding ON state_rewrite (binding, leaf);

CREATE TABLE delivery (
    binding         BLOB NOT NULL REFERENCES binding (id),
    ledger          TEXT NOT NULL,
    delivery        INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    submission      INTEGER NOT NULL,
    action          TEXT NOT NULL,
    call            BLOB NOT NULL,
    binding_version BLOB NOT NULL,
    measurement     BLOB NOT NULL,
    execution_hash  BLOB NOT NULL,
    receipt_hash    BLOB NOT NULL,
    status          TEXT NOT NULL DEFAULT 'sealed'
                    CHECK (status IN ('sealed', 'built', 'sent', 'included', 'finalized', 'callback-failed', 'skipped')),
    -- Its operator gave it up: the gateway is to use up its number without a call.
    given_up        INTEGER NOT NULL DEFAULT 0 CHECK (given_up IN (0, 1)),
    -- Why the ledger would not take it now; the delivery waits.
    refusal         TEXT,
    block           INTEGER,
    block_hash      BLOB,
    gas_used        INTEGER,
    PRIMARY KEY (binding, ledger, delivery),
    UNIQUE (binding, submission)
) STRICT;
CREATE INDEX delivery_open ON delivery (binding, ledger, delivery)
    WHERE status NOT IN ('finalized', 'skipped');
CREATE INDEX delivery_by_status ON delivery (binding, status);
-- How a receipt that the chain names is found.
CREATE INDEX delivery_by_receipt ON delivery (receipt_hash);
CREATE INDEX delivery_of_invocation ON delivery (binding, number);

-- The next nonce of every account that the fabric sends from.
CREATE TABLE lane (
    ledger     TEXT NOT NULL,
    account    TEXT NOT NULL,
    next_nonce INTEGER NOT NULL,
    PRIMARY KEY (ledger, account)
) STRICT;

-- How far each binding is on its way to its gateway.
CREATE TABLE registration (
    binding BLOB PRIMARY KEY REFERENCES binding (id),
    status  TEXT NOT NULL CHECK (status IN ('open', 'built', 'sent', 'registered'))
) STRICT;

-- Signed transactions; each is here before the network sees it.
CREATE TABLE attempt (
    hash     BLOB PRIMARY KEY,
    ledger   TEXT NOT NULL,
    account  TEXT NOT NULL,
    nonce    INTEGER NOT NULL,
    raw      BLOB NOT NULL,
    binding  BLOB NOT NULL REFERENCES binding (id),
    -- What it carries: a delivery, a change of the binding, or, with neither, the binding itself.
    delivery INTEGER,
    valid_until INTEGER NOT NULL,
    -- Its nonce was consumed without effect, or by another attempt.
    dead     INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)),
    change   INTEGER,
    FOREIGN KEY (binding, ledger, delivery) REFERENCES delivery (binding, ledger, delivery),
    FOREIGN KEY (binding, change) REFERENCES change (binding, number)
) STRICT;
CREATE INDEX attempt_of_delivery ON attempt (binding, ledger, delivery);
CREATE INDEX attempt_of_change ON attempt (binding, change) WHERE change IS NOT NULL;

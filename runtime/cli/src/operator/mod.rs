//! Running a host: most of these ask the running service, see `client`.

pub mod backup;
pub mod bind;
pub mod client;
pub mod deploy;
pub mod doctor;
pub mod invoke;
pub mod logs;
pub mod moves;
pub mod pass_over;
pub mod promote;
pub mod restore;
pub mod rollback;
pub mod run_again;
pub mod shadow;
pub mod skip;
pub mod status;
pub mod token;
pub mod versions;

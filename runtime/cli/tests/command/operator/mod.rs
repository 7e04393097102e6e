//! What operators use, against a double of the service where only its failures matter.

mod asking;
mod binding;
mod doctor;
mod double;
mod invoking;
mod logs;
mod serving;
mod tokens;

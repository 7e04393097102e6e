//! From an idea to a component: what authors use.

pub mod build;
pub mod inspect;
pub mod new;
pub mod run;
pub mod test;

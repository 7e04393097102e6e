//! How fast the fabric is, as ratios against named rivals in the same run.

fn main() {}

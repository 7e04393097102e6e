//! How strictly the published table is read.

use proptest::prelude::*;
use reference_rate::{Quarter, RatePpm, TableError, find};

const PUBLISHED: &str = include_str!("../data/us-treasury-bill-3-month.csv");

fn quarter(label: &str) -> Quarter {
    label.parse().expect("the test's label is a quarter")
}

fn table(lines: &[&str]) -> String {
    let mut table = String::from("quarter,rate_percent\n");
    for line in lines {
        table.push_str(line);
        table.push('\n');
    }
    table
}

#[test]
fn reads_the_first_the_highest_and_the_last_quarter_of_the_published_table() {
    for (label, ppm) in [
        ("1959-Q1", 28_200),
        ("1981-Q2", 153_300),
        ("2006-Q1", 45_100),
        ("2009-Q3", 1_200),
    ] {
        assert_eq!(find(PUBLISHED, quarter(label)), Ok(RatePpm(ppm)), "{label}");
    }
}

#[test]
fn holds_each_of_the_203_published_quarters() {
    let labels: Vec<&str> = PUBLISHED
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(labels.len(), 203);
    for label in labels {
        assert!(find(PUBLISHED, quarter(label)).is_ok(), "{label}");
    }
}

#[test]
fn says_which_quarters_the_table_holds_when_one_is_missing() {
    let error = find(PUBLISHED, quarter("2009-Q4")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the table has no rate for 2009-Q4; it runs from 1959-Q1 to 2009-Q3"
    );
    let error = find(&table(&[]), quarter("2009-Q4")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the table has no rate for 2009-Q4; it is empty"
    );
}

#[test]
fn reads_percent_with_up_to_four_decimals() {
    for (percent, ppm) in [
        ("0", 0),
        ("5", 50_000),
        ("4.5", 45_000),
        ("4.51", 45_100),
        ("4.512", 45_120),
        ("4.5129", 45_129),
        ("0.0001", 1),
        ("429496.7295", u32::MAX),
    ] {
        let line = format!("2000-Q1,{percent}");
        assert_eq!(
            find(&table(&[&line]), quarter("2000-Q1")),
            Ok(RatePpm(ppm)),
            "{percent}"
        );
    }
}

#[test]
fn names_the_line_that_is_malformed_even_if_it_is_not_the_one_asked_for() {
    for bad in [
        "2000-Q2",
        "",
        ",",
        "2000-Q2,",
        "2000-Q5,1.00",
        "200-Q2,1.00",
        "2000-q2,1.00",
        " 2000-Q2,1.00",
        "2000-Q2, 1.00",
        "2000-Q2,1.00,",
        "2000-Q2,1.",
        "2000-Q2,.5",
        "2000-Q2,01.5",
        "2000-Q2,+1.5",
        "2000-Q2,-1.5",
        "2000-Q2,1.23456",
        "2000-Q2,1e2",
        "2000-Q2,1.5%",
        "2000-Q2,١.٥",
        "2000-Q2,429496.7296",
        "2000-Q2,99999999999999999999",
        "2000-Q1,1.00",
        "1999-Q4,1.00",
    ] {
        let table = table(&["2000-Q1,1.00", bad, "2000-Q3,1.00"]);
        match find(&table, quarter("2000-Q1")) {
            Err(TableError::Malformed { line: 3, text, .. }) => assert_eq!(text, bad),
            other => panic!("`{bad}` gave {other:?}"),
        }
    }
}

#[test]
fn refuses_a_table_with_another_header() {
    for bad in [
        "",
        "quarter,rate\n2000-Q1,1.00\n",
        "2000-Q1,1.00\n",
        "\u{feff}quarter,rate_percent\n",
    ] {
        let error = find(bad, quarter("2000-Q1")).unwrap_err();
        assert!(
            matches!(error, TableError::Malformed { line: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn quotes_only_the_beginning_of_a_long_line() {
    let long = "x".repeat(10_000);
    let error = find(&table(&[&long]), quarter("2000-Q1")).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

proptest! {
    #[test]
    fn reads_back_any_rate_in_any_spelling(ppm in any::<u32>(), year in 1000u16..=9999, number in 1u8..=4) {
        let label = format!("{year}-Q{number}");
        let (whole, decimals) = (ppm / 10_000, format!("{:04}", ppm % 10_000));
        for kept in decimals.trim_end_matches('0').len()..=4 {
            let percent = match kept {
                0 => whole.to_string(),
                _ => format!("{whole}.{}", &decimals[..kept]),
            };
            let table = table(&[&format!("{label},{percent}")]);
            prop_assert_eq!(find(&table, quarter(&label)), Ok(RatePpm(ppm)));
        }
    }

    #[test]
    fn answers_any_text_without_a_panic(table in any::<String>()) {
        prop_assert!(find(&table, quarter("2000-Q1")).is_err());
    }

    #[test]
    fn never_reads_a_spoilt_percent_as_another_number(spoilt in "[0-9.eE+ -]{0,8}") {
        let found = find(&table(&[&format!("2000-Q1,{spoilt}")]), quarter("2000-Q1"));
        // The independent reading: through decimal digits alone.
        let plain = spoilt.split_once('.').unwrap_or((&spoilt, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let well_formed = digits(plain.0) && digits(plain.1) && plain.1.len() <= 4
            && (plain.0 == "0" || !plain.0.starts_with('0'));
        match found {
            Ok(RatePpm(ppm)) => {
                prop_assert!(well_formed, "{spoilt}");
                let expected = format!("{}{:0<4}", plain.0, plain.1).parse::<u64>();
                prop_assert_eq!(Ok(u64::from(ppm)), expected);
            }
            Err(_) => prop_assert!(!well_formed || plain.0.len() > 5, "{spoilt}"),
        }
    }

    #[test]
    fn spells_a_quarter_as_it_reads_it(year in 0u16..=9999, number in 1u8..=4) {
        let label = format!("{year:04}-Q{number}");
        prop_assert_eq!(quarter(&label).to_string(), label);
    }
}

#[test]
fn refuses_what_is_no_quarter() {
    for bad in [
        "",
        "2006",
        "2006-Q0",
        "2006-Q5",
        "2006-q1",
        "06-Q1",
        "02006-Q1",
        "2006-Q1 ",
        "２００６-Q1",
    ] {
        assert!(bad.parse::<Quarter>().is_err(), "{bad}");
    }
}

#[test]
fn quarters_are_ordered_by_time() {
    assert!(quarter("1999-Q4") < quarter("2000-Q1"));
    assert!(quarter("2000-Q1") < quarter("2000-Q2"));
}

//! Reading a phone number, and what the library underneath takes for the same.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use handset::PhoneNumber;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("phone");
    for number in ["+37126123456", "+12025550123", "+6281234567890"] {
        group.bench_function(format!("parse/{number}"), |b| b.iter(|| PhoneNumber::parse(black_box(number), None)));
        group.bench_function(format!("library/{number}"), |b| {
            b.iter(|| {
                let parsed = PHONE_NUMBER_UTIL.parse(black_box(number), None).expect("a number");
                assert!(parsed.is_valid());
                let written = parsed.format_as(PhoneNumberFormat::E164).into_owned();
                (written, parsed.get_region_code(), parsed.get_type())
            });
        });
    }
    let national = Some("LV".parse().expect("a region"));
    group.bench_function("parse/national", |b| b.iter(|| PhoneNumber::parse(black_box("26 123 456"), national)));
    group.bench_function("parse/refused", |b| b.iter(|| PhoneNumber::parse(black_box("+371 2612 345"), None)));
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);

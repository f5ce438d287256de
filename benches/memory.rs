//! What a live check costs in memory, measured from the process: resident pages before and after. No benchmark of time, so
//! not one of criterion's.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run ends; its figures are its output"
)]

mod site;

use site::Site;

fn main() {
    let is_trial = !std::env::args().any(|argument| argument == "--bench");
    let checks = if is_trial { 1_000 } else { 1_000_000 };
    let site = Site::with_room(checks);
    // What is made once is there before the first look.
    site.open();
    let before = resident();
    for _ in 1..checks {
        site.open();
    }
    let each = (resident() - before) / checks as u64;
    println!("memory: {each} bytes resident for each of {checks} live checks, with claims, budgets and limits");
}

/// The resident pages of this process, in bytes (proc(5), `VmRSS`).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of resident pages");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

//! The program as it is called: what it says of itself, and of mistakes.

use std::process::{Command, Output};

/// Runs it without a display, in a home of its own.
fn switchboard(args: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(args).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(name, home.path());
    }
    command.output().expect("starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_subcommand_and_option() {
    let help = text(&switchboard(&["--help"]).stdout);
    for word in ["demo", "watch", "lab", "--profile", "--headless", "--for", "--report", "--screenshot", "--memory"] {
        assert!(help.contains(word), "{word} is missing:\n{help}");
    }
}

#[test]
fn a_profile_that_is_not_there_is_told_with_the_next_step() {
    let output = switchboard(&["watch", "--headless", "--profile", "no-such-profile.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("no-such-profile.toml") && said.contains("Check the path"), "{said}");
}

#[test]
fn values_out_of_range_are_refused_with_an_example() {
    for (args, told) in [(["--for", "soon"], "write 40s"), (["--memory", "1MiB"], "write 512MiB"), (["--size", "1x1"], "write 1600x1000")] {
        let output = switchboard(&["watch", args[0], args[1]]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

//! `action.yml`, read by a YAML parser and run as GitHub runs a composite action: expressions replaced, conditions judged,
//! each script in bash with the files that the environment names. `uses:` steps are not run, only their conditions.

use super::{path_with, python, read, root, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn yaml(file: &str) -> Option<Value> {
    let mut python = python("yaml")?;
    // `on:` is a boolean in YAML 1.1; JSON wants text.
    let program = "import json, sys, yaml; json.dump(yaml.load(open(sys.argv[1]), yaml.BaseLoader), sys.stdout)";
    let out = python
        .args(["-c", program])
        .arg(root().join(file))
        .output()
        .expect("runs");
    assert!(out.status.success(), "{}", text(&out));
    Some(serde_json::from_slice(&out.stdout).expect("JSON"))
}

fn steps(action: &Value) -> &Vec<Value> {
    action["runs"]["steps"].as_array().expect("steps")
}

fn entries<'a>(value: &'a Value, key: &str) -> Vec<(&'a str, &'a Value)> {
    let map = value.get(key).and_then(Value::as_object);
    map.map_or_else(Vec::new, |m: &Map<String, Value>| {
        m.iter().map(|(k, v)| (k.as_str(), v)).collect()
    })
}

/// What an expression may name, with its value.
type Context = BTreeMap<String, String>;

fn value(context: &Context, name: &str) -> String {
    match name.strip_prefix('\'').and_then(|n| n.strip_suffix('\'')) {
        Some(literal) => literal.to_owned(),
        // An output that was not set is empty, as GitHub has it; a name that cannot be is an error.
        None if name.starts_with("steps.") => context.get(name).cloned().unwrap_or_default(),
        None => context
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not there"))
            .clone(),
    }
}

fn replace(context: &Context, text: &str) -> String {
    let mut parts = text.split("${{");
    let mut out = parts.next().expect("a first part").to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").expect("an end");
        out += &value(context, expression.trim());
        out += rest;
    }
    out
}

fn holds(context: &Context, condition: &str) -> bool {
    condition.split("&&").map(str::trim).all(|term| {
        if term == "always()" {
            true
        } else if let Some((a, b)) = term.split_once("==") {
            value(context, a.trim()) == value(context, b.trim())
        } else {
            let (a, b) = term.split_once("!=").expect("a comparison");
            value(context, a.trim()) != value(context, b.trim())
        }
    })
}

/// One job that uses the action.
struct Job {
    /// Exit code of the first script that failed, else 0.
    code: i32,
    log: String,
    summary: String,
    outputs: BTreeMap<String, String>,
    /// Names of the steps whose condition held.
    taken: Vec<String>,
    workspace: tempfile::TempDir,
}

impl Job {
    /// Runs the action with these inputs; `programs` is a folder that is looked in first.
    fn run(action: &Value, inputs: &[(&str, &str)], programs: &Path) -> Job {
        let workspace = tempfile::tempdir().expect("tempdir");
        let at = |name: &str| workspace.path().join(name).to_string_lossy().into_owned();
        std::fs::create_dir(at("temp")).expect("folder");
        std::fs::write(at("summary"), "").expect("file");
        let mut context = Context::new();
        for (name, input) in entries(action, "inputs") {
            let given = inputs.iter().find(|i| i.0 == name).map(|i| i.1);
            let default = input.get("default").and_then(Value::as_str);
            let value = given.or(default).expect("a required input");
            context.insert(format!("inputs.{name}"), value.to_owned());
        }
        for (name, value) in [
            ("github.action_path", &*root().to_string_lossy()),
            ("runner.os", "Linux"),
            ("runner.arch", "X64"),
        ] {
            context.insert(name.to_owned(), value.to_owned());
        }
        let (mut code, mut log, mut taken) = (0, String::new(), Vec::new());
        for step in steps(action) {
            let condition = step.get("if").and_then(Value::as_str).unwrap_or_default();
            if code != 0 && !condition.contains("always()")
                || !condition.is_empty() && !holds(&context, condition)
            {
                continue;
            }
            taken.push(step["name"].as_str().expect("a name").to_owned());
            let Some(script) = step.get("run").and_then(Value::as_str) else {
                for (_, argument) in entries(step, "with") {
                    replace(&context, argument.as_str().expect("text"));
                }
                continue;
            };
            std::fs::write(at("output"), "").expect("file");
            std::fs::write(at("script.sh"), script).expect("file");
            let mut bash = Command::new("bash");
            bash.args(["--noprofile", "--norc", "-eo", "pipefail", &at("script.sh")])
                .current_dir(workspace.path())
                .env("PATH", path_with(programs))
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_WORKSPACE", workspace.path())
                .env("GITHUB_OUTPUT", at("output"))
                .env("GITHUB_STEP_SUMMARY", at("summary"))
                .env("RUNNER_TEMP", at("temp"));
            for (name, value) in entries(step, "env") {
                bash.env(name, replace(&context, value.as_str().expect("text")));
            }
            let out = bash.output().expect("bash");
            log += &text(&out);
            if code == 0 {
                code = out.status.code().expect("a code");
            }
            if let Some(id) = step.get("id").and_then(Value::as_str) {
                for line in std::fs::read_to_string(at("output")).expect("text").lines() {
                    let (key, value) = line.split_once('=').expect("KEY=VALUE");
                    context.insert(format!("steps.{id}.outputs.{key}"), value.to_owned());
                }
            }
        }
        let outputs = entries(action, "outputs").into_iter();
        let outputs = outputs
            .map(|(name, o)| {
                let value = replace(&context, o["value"].as_str().expect("text"));
                (name.to_owned(), value)
            })
            .collect();
        Job {
            code,
            log,
            summary: std::fs::read_to_string(at("summary")).expect("text"),
            outputs,
            taken,
            workspace,
        }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.workspace.path().join(name)).expect(name)
    }
}

/// A folder with a program that behaves as the script says.
fn program(name: &str, script: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("tempdir");
    let file = folder.path().join(name);
    std::fs::write(&file, format!("#!/usr/bin/env bash\n{script}")).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("executable");
    folder
}

/// The real program, with a list of its calls.
fn tickscope() -> String {
    format!(
        "echo \"$*\" >> \"$GITHUB_WORKSPACE/calls\"\nexec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_tickscope")
    )
}

/// A bench that ends with this code.
fn ending(code: u8) -> String {
    let (firmware, defaults, budget) = match code {
        0 => ("idle.stm32f407.elf", "", "<= 12cy"),
        1 => ("idle.stm32f407.elf", "", "< 12cy"),
        3 => ("idle.stm32f407.elf", "", "<= 12cy"),
        4 => ("fault-zoo.stm32f407.elf", "strict = true\n", "<= 1s"),
        124 => (
            "idle.stm32f407.elf",
            "until = [\"uart:never\"]\n",
            "<= 12cy",
        ),
        _ => panic!("no bench ends with {code}"),
    };
    let baseline = if code == 3 {
        "baseline = \"none.toml\"\n"
    } else {
        ""
    };
    format!(
        "schema = 1\nname = \"ends {code}\"\n{baseline}[defaults]\nfor = \"20ms\"\n{defaults}[matrix]\nfirmware = [\"{}\"]\n\
         [[signal]]\nname = \"tick\"\nsource = \"irq:SysTick.assert..irq:SysTick.enter\"\noptional = true\n\
         [[budget]]\nsignal = \"tick\"\nrequire = \"latency.max {budget}\"\n",
        super::fixture(firmware).display()
    )
}

fn bench(action: &Value, files: &[(&str, u8)], inputs: &[(&str, &str)]) -> Job {
    let programs = program("tickscope", &tickscope());
    let folder = tempfile::tempdir().expect("tempdir");
    let mut list = String::new();
    // Nothing of it comes out again.
    std::fs::write(folder.path().join("none.toml"), "schema = 1\n").expect("written");
    for (name, code) in files {
        let file = folder.path().join(name);
        std::fs::write(&file, ending(*code)).expect("written");
        list += &format!("{}\n", file.display());
    }
    let mut all = vec![("bench", &*list), ("binary", "tickscope")];
    all.extend(inputs);
    Job::run(action, &all, programs.path())
}

#[test]
fn the_action_is_well_formed() {
    let Some(action) = yaml("action.yml") else {
        return;
    };
    assert_eq!(action["runs"]["using"], "composite");
    let documentation = read("examples/github-action/README.md");
    for (name, input) in entries(&action, "inputs") {
        assert!(input["description"].is_string(), "{name}");
        let optional = input.get("default").is_some();
        assert!(optional != (input["required"] == "true"), "{name}");
        assert!(documentation.contains(&format!("| `{name}` |")), "{name}");
    }
    for step in steps(&action) {
        match (step.get("run"), step.get("uses")) {
            (Some(script), None) => {
                assert_eq!(step["shell"], "bash");
                // An input in a script would be code; in the environment it is a value.
                assert!(!script.as_str().expect("text").contains("${{"));
            }
            (None, Some(action)) => assert!(action.as_str().expect("text").contains("@v")),
            _ => panic!("a step either runs or uses: {step}"),
        }
    }
    for (name, output) in entries(&action, "outputs") {
        assert!(documentation.contains(&format!("`{name}`")), "{output}");
    }
}

#[test]
fn the_workflow_gives_what_the_action_asks_for() {
    let (Some(action), Some(workflow)) = (
        yaml("action.yml"),
        yaml("examples/github-action/workflow.yml"),
    ) else {
        return;
    };
    let used = workflow["jobs"]["bench"]["steps"]
        .as_array()
        .expect("steps");
    let used = used.iter().find(|s| {
        let action = s.get("uses").and_then(Value::as_str);
        action.is_some_and(|a| a.starts_with("tickscope/tickscope@"))
    });
    let with = entries(used.expect("the action is used"), "with");
    for (name, _) in &with {
        assert!(action["inputs"].get(name).is_some(), "no input {name}");
    }
    for (name, input) in entries(&action, "inputs") {
        assert!(input["required"] != "true" || with.iter().any(|w| w.0 == name));
    }
}

#[test]
fn a_bench_that_passes_leaves_summary_and_results() {
    let Some(action) = yaml("action.yml") else {
        return;
    };
    let files = [("a.toml", 0), ("b c.toml", 0)];
    let job = bench(&action, &files, &[("jobs", "2"), ("output", "out put")]);
    assert_eq!(job.code, 0, "{}", job.log);
    assert_eq!(job.outputs["exit-code"], "0");
    assert_eq!(job.outputs["output"], "out put");
    assert_eq!(job.summary.matches("## ✅ ends 0").count(), 2);
    let calls = job.read("calls");
    assert_eq!(
        calls.lines().filter(|c| c.ends_with(" --jobs 2")).count(),
        2
    );
    let results = std::fs::read_dir(job.workspace.path().join("out put")).expect("results");
    for folder in results {
        let folder = folder.expect("entry").path();
        for file in ["result.ndjson", "junit.xml", "summary.md", "report.html"] {
            assert!(folder.join(file).is_file(), "{file} in {folder:?}");
        }
    }
    let taken: Vec<&str> = job.taken.iter().map(String::as_str).collect();
    assert_eq!(
        taken,
        [
            "Choose the binary",
            "Run the bench",
            "Upload the results",
            "Verdict"
        ]
    );
}

#[test]
fn a_bench_that_fails_fails_the_job_after_the_upload() {
    let Some(action) = yaml("action.yml") else {
        return;
    };
    for (content, words) in [
        (1, "budget"),
        (3, "baseline"),
        (4, "not modelled"),
        (124, "limit"),
    ] {
        let files = [("good.toml", 0), ("bad.toml", content), ("late.toml", 1)];
        let job = bench(&action, &files, &[("artifact", "")]);
        assert_eq!(job.code, i32::from(content), "{}", job.log);
        assert_eq!(job.outputs["exit-code"], content.to_string());
        // The lines that GitHub shows beside the source.
        assert!(job.log.contains("::error file="), "{}", job.log);
        assert!(job.log.contains("::error::") && job.log.contains(words));
        assert_eq!(
            job.summary.matches("\n<details><summary>Figures").count(),
            3
        );
        assert!(!job.taken.contains(&"Upload the results".to_owned()));
        assert!(job.taken.contains(&"Verdict".to_owned()));
    }
}

#[test]
fn no_bench_is_no_pass() {
    let Some(action) = yaml("action.yml") else {
        return;
    };
    let job = bench(&action, &[], &[]);
    assert_eq!(job.code, 2, "{}", job.log);
    let programs = program("tickscope", "echo it failed >&2\nexit 5\n");
    let inputs = [("bench", "absent.toml"), ("binary", "tickscope")];
    let job = Job::run(&action, &inputs, programs.path());
    assert_eq!(job.code, 5, "{}", job.log);
    assert!(job.log.contains("exit code 5"), "{}", job.log);
    let programs = program("tickscope", &tickscope());
    let job = Job::run(&action, &inputs, programs.path());
    assert_eq!(job.code, 2, "{}", job.log);
    assert!(job.summary.contains("before there were results"));
    let inputs = [("bench", "absent.toml"), ("binary", "./absent")];
    let job = Job::run(&action, &inputs, programs.path());
    assert_eq!(job.code, 2, "{}", job.log);
    assert!(!job.taken.contains(&"Run the bench".to_owned()));
}

#[test]
fn without_a_binary_this_version_is_built() {
    let Some(action) = yaml("action.yml") else {
        return;
    };
    // A cargo that installs the stand-in: what it is asked for must be a package with this program.
    let install = format!(
        "[ \"$*\" = \"install --locked --path harness --root $RUNNER_TEMP/tickscope\" ] || exit 9\n\
         grep -q 'name = \"tickscope\"' harness/Cargo.toml || exit 8\n\
         mkdir -p \"$RUNNER_TEMP/tickscope/bin\"\ncd \"$RUNNER_TEMP/tickscope/bin\"\n\
         cat > tickscope <<'END'\n#!/usr/bin/env bash\n{}\nEND\nchmod +x tickscope\n",
        tickscope()
    );
    let programs = program("cargo", &install);
    let folder = tempfile::tempdir().expect("tempdir");
    let file = folder.path().join("a.toml");
    std::fs::write(&file, ending(0)).expect("written");
    let job = Job::run(
        &action,
        &[("bench", &file.to_string_lossy())],
        programs.path(),
    );
    assert_eq!(job.code, 0, "{}", job.log);
    assert!(job.taken.contains(&"Build tickscope".to_owned()));
    assert!(job.summary.contains("## ✅ ends 0"));
}

//! Chores of the repository: `cargo xtask CHORE`.

mod schema;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let chore = std::env::args().nth(1);
    match chore.as_deref() {
        Some("accuracy") => xtask::accuracy::write(),
        Some("schema") => schema::write(),
        Some(other) => bail!("there is no chore `{other}`; there are: accuracy, schema"),
        None => bail!("say which chore: accuracy, schema"),
    }
}

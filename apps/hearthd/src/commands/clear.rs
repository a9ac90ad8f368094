//! `hearthd clear`: nothing of a Hearth is left on this host but its state.

use hearth_base::Result;

use super::{runtime, serve::configuration};
use crate::{cli::Clear, out};

/// Stops every container and removes what is left of them.
pub fn run(command: Clear) -> Result<()> {
    let config = configuration(command.settings)?;
    hearth_runtime_local::clear(&runtime::settings(&config, &config.state.join("runtime")))?;
    out::result(format_args!(
        "Nothing of the Hearth {} runs on this host any more. Its state is still in {}",
        config.runtime.instance,
        config.state.display()
    ));
    Ok(())
}

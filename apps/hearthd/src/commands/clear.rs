//! `hearthd clear`: removes the containers of a Hearth from this host, and keeps its state.

use hearth_base::Result;

use super::{runtime, serve::load_configuration};
use crate::{cli::ClearArgs, console};

/// Stops every container and removes its resources on the host.
pub fn run(args: ClearArgs) -> Result<()> {
    let config = load_configuration(args.settings)?;
    hearth_runtime_local::remove_host_resources(&runtime::build_settings(
        &config,
        &config.state.join("runtime"),
    ))?;
    console::print_result(format_args!(
        "All containers of Hearth {} are removed from this host. Its state is still in {}",
        config.runtime.instance,
        config.state.display()
    ));
    Ok(())
}

//! No code: the manifest names the features that dependencies have in a build of the whole workspace.

//! Subcommands whose definition is built only when a command line names their group.

use std::ops::Deref;

use clap::{ArgMatches, Command, FromArgMatches, Subcommand, builder::Resettable};

/// The subcommands `T` of a group of commands, defined when clap needs them.
///
/// The definition of all commands takes longer than the rest of the program's start. clap runs the definition
/// of a group when the command line has the group's name, and [`Command::build`] runs all of them.
#[derive(Debug)]
pub struct Deferred<T>(pub T);

impl<T> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

impl<T: Subcommand> Subcommand for Deferred<T> {
    fn augment_subcommands(group: Command) -> Command {
        group.defer(define_subcommands::<T>)
    }

    fn augment_subcommands_for_update(group: Command) -> Command {
        group.defer(T::augment_subcommands_for_update)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

/// Defines the subcommands of a group. The group keeps its own description, which the comment of `T` would replace.
fn define_subcommands<T: Subcommand>(group: Command) -> Command {
    let about = Resettable::from(group.get_about().cloned());
    let long_about = Resettable::from(group.get_long_about().cloned());
    T::augment_subcommands(group).about(about).long_about(long_about)
}

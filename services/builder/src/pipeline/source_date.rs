//! Dates in images: equal sources make equal files.

use std::collections::BTreeMap;

use hearth_plan::BuildRecipe;
use jiff::{Timestamp, tz::TimeZone};

/// Build argument with the date that tools write into files instead of the present one
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
const DATE_ARGUMENT: &str = "SOURCE_DATE_EPOCH";

/// Dates of one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceDate {
    /// Time of the files in new layers, in seconds since 1970.
    pub layers: i64,
    /// Date for the build steps, in seconds since 1970.
    pub steps: i64,
}

impl SourceDate {
    /// Chooses the dates for a source with this time; `None` leaves those of the build.
    ///
    /// New layers have the time of the source. The steps of a recipe get the first day of its month: with another date, no
    /// layer of the last commit could be used again. An own Containerfile gets dates only if it declares the argument:
    /// without it, the files that Python compiles would name other dates than their sources have in the layer, and
    /// Python would compile them again at each start. A variable of the user's is left alone.
    pub fn choose_dates(
        source_time: Option<i64>,
        recipe: &BuildRecipe,
        envvars: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let layers = source_time.filter(|_| !envvars.contains_key(DATE_ARGUMENT))?;
        match recipe {
            BuildRecipe::Steps { .. } => Some(Self { layers, steps: find_month_begin(layers)? }),
            BuildRecipe::Containerfile { text, .. } => {
                text.contains(DATE_ARGUMENT).then_some(Self { layers, steps: layers })
            }
        }
    }

    /// Lists the options of buildah.
    pub fn list_options(self) -> [String; 2] {
        let Self { layers, steps } = self;
        [format!("--timestamp={layers}"), format!("--build-arg={DATE_ARGUMENT}={steps}")]
    }

    /// Name of the argument that a recipe declares.
    pub fn argument_name(self) -> &'static str {
        DATE_ARGUMENT
    }
}

/// Returns the first second of the month of a time.
fn find_month_begin(time: i64) -> Option<i64> {
    let date = Timestamp::from_second(time).ok()?.to_zoned(TimeZone::UTC).date().first_of_month();
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14T22:13:20Z.
    const SOURCE_TIME: i64 = 1_700_000_000;
    /// 2023-11-01T00:00:00Z.
    const MONTH_BEGIN: i64 = 1_698_796_800;

    fn choose_sample(recipe: &BuildRecipe, envvars: &[&str]) -> Option<SourceDate> {
        let envvars = envvars.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        SourceDate::choose_dates(Some(SOURCE_TIME), recipe, &envvars)
    }

    fn build_recipe(text: &str) -> BuildRecipe {
        BuildRecipe::Containerfile { file: "Containerfile", text: text.to_owned() }
    }

    #[test]
    fn steps_of_a_recipe_have_the_same_date_for_a_month() {
        let recipe = BuildRecipe::Steps { base: "static", steps: Vec::new(), stages: Vec::new() };
        let expected = SourceDate { layers: SOURCE_TIME, steps: MONTH_BEGIN };
        assert_eq!(choose_sample(&recipe, &[]), Some(expected));
        assert_eq!(choose_sample(&recipe, &[DATE_ARGUMENT]), None);
        assert_eq!(SourceDate::choose_dates(None, &recipe, &BTreeMap::new()), None);
    }

    #[test]
    fn own_containerfile_has_dates_only_if_it_declares_them() {
        assert_eq!(choose_sample(&build_recipe("FROM a\nRUN pip install flask\n"), &[]), None);
        let declared = choose_sample(&build_recipe("FROM a\nARG SOURCE_DATE_EPOCH\n"), &[]);
        assert_eq!(declared, Some(SourceDate { layers: SOURCE_TIME, steps: SOURCE_TIME }));
    }
}

//! Plans of listings shaped like real repositories: the files of the folder `repositories`, which its README describes.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use hearth_plan::{BuildPlan, BuildRecipe, InMemorySource, plan_build};

/// Least number of listings that the table has.
const MIN_LISTINGS: usize = 60;

/// Commands that serve a folder of static files, as the table writes them.
fn shorten_command(command: &str) -> String {
    let folder = command.split_whitespace().next_back().unwrap_or_default();
    match command.contains("static_server.py") || command.contains("static-server") {
        true => format!("static {folder}"),
        false => command.to_owned(),
    }
}

#[derive(Default)]
struct Listing {
    title: String,
    source: InMemorySource,
    expected: Vec<(String, String)>,
}

impl Listing {
    fn add_line(&mut self, line: &str) {
        if let Some(expected) = line.strip_prefix("> ") {
            let (word, rest) = expected.split_once(' ').unwrap_or((expected, ""));
            self.expected.push((word.to_owned(), rest.to_owned()));
            return;
        }
        let source = std::mem::take(&mut self.source);
        self.source = match line.split_once(": ") {
            Some((path, text)) => source.with_file(path, text.replace("\\n", "\n")),
            None => match line.strip_suffix('/') {
                Some(folder) => source.with_folder(folder),
                None => source.with_file(line, ""),
            },
        };
    }

    fn list_expected(&self, word: &str) -> Vec<&str> {
        let values = self.expected.iter().filter(|(known, _)| known == word);
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// Lists the differences between the expectation and the plan.
    fn find_differences(&self) -> String {
        let mut differences = String::new();
        match plan_build(&self.source) {
            Ok(plan) => self.compare_plan(&plan, &mut differences),
            Err(error) => {
                let sentences: Vec<&str> = error.public_messages().collect();
                let help = error.help_text().unwrap_or_default();
                self.compare("refused", &[error.code()], &mut differences);
                self.compare("help", &[help], &mut differences);
                self.find_texts("because", &sentences, &mut differences);
            }
        }
        differences
    }

    fn compare_plan(&self, plan: &BuildPlan, differences: &mut String) {
        let kind = format!("{:?}", plan.kind);
        let base = plan.base_image().unwrap_or_default();
        let image = match base {
            "" => "own".to_owned(),
            _ if kind == "StaticFiles" => format!("{kind} on static"),
            _ => format!("{kind} on {base}"),
        };
        let known = ["stage", "process", "suggests", "because", "runs", "never", "refused", "help"];
        let first = self.expected.iter().find(|(word, _)| !known.contains(&word.as_str()));
        let first = first.map(|(word, rest)| format!("{word} {rest}").trim_end().to_owned());
        if first.as_deref() != Some(image.as_str()) {
            let _ = writeln!(differences, "  expected {first:?}, planned {image}");
        }
        let stages = match &plan.recipe {
            BuildRecipe::Steps { stages, .. } => stages.as_slice(),
            BuildRecipe::Containerfile { .. } => &[],
        };
        let stages: Vec<String> =
            stages.iter().map(|stage| format!("{} on {}", stage.name, stage.base)).collect();
        let processes = plan.processes.iter();
        let processes: Vec<String> =
            processes.map(|(name, command)| format!("{name}: {}", shorten_command(command))).collect();
        let suggested: Vec<&str> = plan.suggested_process.as_deref().into_iter().collect();
        self.compare("stage", &stages, differences);
        self.compare("process", &processes, differences);
        self.compare("suggests", &suggested, differences);
        self.compare::<&str>("refused", &[], differences);
        self.find_texts("because", &plan.reasons, differences);
        let recipe = plan.render_containerfile(&|base| base.to_owned(), &[]).unwrap().unwrap_or_default();
        self.find_texts("runs", &[&recipe], differences);
        for text in self.list_expected("never").into_iter().filter(|text| recipe.contains(text)) {
            let _ = writeln!(differences, "  the Containerfile contains {text:?}");
        }
    }

    fn compare<T: AsRef<str>>(&self, word: &str, planned: &[T], differences: &mut String) {
        let planned: Vec<&str> = planned.iter().map(AsRef::as_ref).collect();
        let expected = self.list_expected(word);
        if expected != planned {
            let _ = writeln!(differences, "  expected {word} {expected:?}, planned {planned:?}");
        }
    }

    fn find_texts<T: AsRef<str>>(&self, word: &str, planned: &[T], differences: &mut String) {
        let planned: Vec<&str> = planned.iter().map(AsRef::as_ref).collect();
        for text in self.list_expected(word) {
            if !planned.iter().any(|sentence| sentence.contains(text)) {
                let _ = writeln!(differences, "  missing {text:?} in {planned:#?}");
            }
        }
    }
}

fn parse_listings(text: &str) -> Vec<Listing> {
    let mut listings: Vec<Listing> = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match (line.strip_prefix("== "), listings.last_mut()) {
            (Some(title), _) => listings.push(Listing { title: title.to_owned(), ..Listing::default() }),
            (None, Some(listing)) => listing.add_line(line),
            (None, None) => unreachable!("a line before the first title: {line}"),
        }
    }
    listings
}

/// Languages with a stage or start command of their own, and what is usually wrong with a source.
const TESTED_LANGUAGES: [&str; 8] = ["python", "node", "php", "go", "rust", "java", "ruby", "front end"];
const USUAL_MISTAKES: [&str; 3] = ["missing lock file", "wrong", "no start command"];

#[test]
fn each_usual_mistake_of_each_language_is_in_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/repositories/mistakes.txt");
    let listings = parse_listings(&fs::read_to_string(path).unwrap());
    for language in TESTED_LANGUAGES {
        for mistake in USUAL_MISTAKES {
            let title = format!("{language}: {mistake}");
            let found = listings.iter().find(|listing| listing.title.starts_with(&title));
            let names_it = found.is_some_and(|listing| !listing.list_expected("because").is_empty());
            assert!(names_it, "{title}");
        }
    }
}

#[test]
fn repositories_have_the_plans_of_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/repositories");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let mut listings = BTreeMap::new();
    for listing in files.flat_map(|path| parse_listings(&fs::read_to_string(path).unwrap())) {
        let title = listing.title.clone();
        assert!(listings.insert(title.clone(), listing).is_none(), "two listings have the title {title:?}");
    }
    assert!(listings.len() >= MIN_LISTINGS, "{} listings", listings.len());
    let differences: String = listings
        .values()
        .map(|listing| (&listing.title, listing.find_differences()))
        .filter(|(_, differences)| !differences.is_empty())
        .map(|(title, differences)| format!("{title}\n{differences}"))
        .collect();
    assert!(differences.is_empty(), "\n{differences}");
}

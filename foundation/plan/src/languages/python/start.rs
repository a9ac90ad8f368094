//! Guess of the command that starts a Python web application: Django, Flask, FastAPI and their relatives.

use hearth_base::Result;

use crate::{plan::StartCommand, source::SourceTree, source_path::SourcePath};

/// Files in which an application object is looked for, with their modules.
const APPLICATION_FILES: [(&str, &str); 8] = [
    ("app.py", "app"),
    ("main.py", "main"),
    ("wsgi.py", "wsgi"),
    ("asgi.py", "asgi"),
    ("application.py", "application"),
    ("server.py", "server"),
    ("app/main.py", "app.main"),
    ("app/__init__.py", "app"),
];

/// Interface of an application object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerInterface {
    /// WSGI (PEP 3333).
    Wsgi,
    /// ASGI.
    Asgi,
}

/// Constructors of application objects.
const APPLICATION_CONSTRUCTORS: [(&str, &str, ServerInterface); 8] = [
    ("Flask(", "Flask", ServerInterface::Wsgi),
    ("FastAPI(", "FastAPI", ServerInterface::Asgi),
    ("Starlette(", "Starlette", ServerInterface::Asgi),
    ("Quart(", "Quart", ServerInterface::Asgi),
    ("Bottle(", "Bottle", ServerInterface::Wsgi),
    ("falcon.App(", "Falcon", ServerInterface::Wsgi),
    ("get_wsgi_application(", "Django", ServerInterface::Wsgi),
    ("get_asgi_application(", "Django", ServerInterface::Asgi),
];

/// An application object of a module.
struct ApplicationObject {
    variable: String,
    framework: &'static str,
    interface: ServerInterface,
}

/// True when the source has a file that usually starts an application.
pub fn has_application_file(source: &dyn SourceTree) -> Result<bool> {
    for (file, _) in APPLICATION_FILES.into_iter().chain([("manage.py", "")]) {
        if source.has_file(file)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Files in Python that are no programs.
const OTHER_FILES: [&str; 4] = ["setup.py", "conftest.py", "__init__.py", "settings.py"];

/// Guesses the command of the process `web`. `declared` is the text that names the packages.
pub fn guess_web_command(source: &dyn SourceTree, declared: &str) -> Result<StartCommand> {
    let declared = declared.to_lowercase();
    if source.has_file("manage.py")? {
        return guess_django_command(source, &declared);
    }
    for (file, module) in APPLICATION_FILES {
        let Some(text) = source.read(file)? else { continue };
        let Some(object) = find_application_object(&text) else { continue };
        return Ok(choose_server(&object, module, file, &declared));
    }
    Ok(StartCommand::Unknown(suggest_program(source)?))
}

/// Suggests the only program in the top folder.
fn suggest_program(source: &dyn SourceTree) -> Result<Option<String>> {
    let names = source.list()?;
    let is_program = |name: &&String| name.ends_with(".py") && !OTHER_FILES.contains(&name.as_str());
    let programs: Vec<SourcePath> =
        names.iter().filter(is_program).filter_map(|name| SourcePath::parse(name)).collect();
    Ok(match programs.as_slice() {
        [only] => Some(format!("web: python3 {only}")),
        _ => None,
    })
}

fn guess_django_command(source: &dyn SourceTree, declared: &str) -> Result<StartCommand> {
    let projects = source.find_in_folders("wsgi.py")?;
    let names = projects.iter().filter_map(|path| path.split('/').next()).filter(|name| is_identifier(name));
    let names: Vec<&str> = names.collect();
    Ok(match names.as_slice() {
        [name] if has_package(declared, "gunicorn") => StartCommand::Guessed {
            command: format!("gunicorn {name}.wsgi --bind 0.0.0.0:${{PORT:-8000}}"),
            reason: "manage.py: Django".to_owned(),
        },
        [_] => StartCommand::Guessed {
            command: "python3 manage.py runserver --noreload 0.0.0.0:${PORT:-8000}".to_owned(),
            reason:
                "manage.py: Django, with its development server because gunicorn is not among the packages"
                    .to_owned(),
        },
        _ => StartCommand::Unknown(Some("web: gunicorn PROJECT.wsgi --bind 0.0.0.0:$PORT".to_owned())),
    })
}

fn choose_server(object: &ApplicationObject, module: &str, file: &str, declared: &str) -> StartCommand {
    let ApplicationObject { variable, framework, interface } = object;
    let has = |name: &str| has_package(declared, name);
    let command = match interface {
        ServerInterface::Wsgi if has("gunicorn") => {
            // The shell would read the parentheses of a factory.
            format!("gunicorn '{module}:{variable}' --bind 0.0.0.0:${{PORT:-8000}}")
        }
        ServerInterface::Wsgi if has("waitress") => {
            format!("waitress-serve --listen=0.0.0.0:${{PORT:-8000}} '{module}:{variable}'")
        }
        ServerInterface::Wsgi if *framework == "Flask" => {
            format!("flask --app '{module}:{variable}' run --host 0.0.0.0 --port ${{PORT:-8000}}")
        }
        ServerInterface::Asgi if has("uvicorn") || declared.contains("fastapi[standard]") => {
            format!("uvicorn {module}:{variable} --host 0.0.0.0 --port ${{PORT:-8000}}")
        }
        ServerInterface::Asgi if has("hypercorn") || *framework == "Quart" => {
            format!("hypercorn {module}:{variable} --bind 0.0.0.0:${{PORT:-8000}}")
        }
        ServerInterface::Wsgi => {
            return StartCommand::Unknown(Some(format!(
                "web: gunicorn {module}:{variable} --bind 0.0.0.0:$PORT (and gunicorn among the packages)"
            )));
        }
        ServerInterface::Asgi => {
            return StartCommand::Unknown(Some(format!(
                "web: uvicorn {module}:{variable} --host 0.0.0.0 --port $PORT (and uvicorn among the packages)"
            )));
        }
    };
    let mut reason = format!("{file}: {framework}");
    if !has(&framework.to_lowercase()) {
        // Another package may bring it, so this is no error.
        reason.push_str(", which is not among the packages");
    }
    StartCommand::Guessed { command, reason }
}

/// Finds `NAME = CONSTRUCTOR(` at the beginning of a line, or the factory `def create_app(`.
fn find_application_object(text: &str) -> Option<ApplicationObject> {
    for line in text.lines() {
        let Some((left, right)) = line.split_once('=') else { continue };
        // `app: FastAPI = FastAPI()`
        let variable = left.split(':').next().unwrap_or_default().trim_end();
        let right = right.trim_start();
        let called = |name: &str| {
            right.starts_with(name) || right.split_once('.').is_some_and(|(_, rest)| rest.starts_with(name))
        };
        if let Some((_, framework, interface)) =
            APPLICATION_CONSTRUCTORS.into_iter().find(|(name, _, _)| called(name))
            && is_identifier(variable)
        {
            return Some(ApplicationObject { variable: variable.to_owned(), framework, interface });
        }
    }
    let factory = text.lines().any(|line| line.starts_with("def create_app("));
    let framework = APPLICATION_CONSTRUCTORS.into_iter().find(|(name, _, _)| text.contains(name));
    match framework {
        Some((_, framework, ServerInterface::Wsgi)) if factory => Some(ApplicationObject {
            variable: "create_app()".to_owned(),
            framework,
            interface: ServerInterface::Wsgi,
        }),
        _ => None,
    }
}

fn is_identifier(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins && text.len() <= 60 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// True when the text names a package as a whole word.
fn has_package(declared: &str, name: &str) -> bool {
    let word = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '-' || symbol == '_';
    declared.match_indices(name).any(|(at, found)| {
        let before = declared[..at].chars().next_back();
        let after = declared[at + found.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemorySource;

    fn guess(files: &[(&str, &str)], declared: &str) -> Option<String> {
        let source =
            files.iter().fold(InMemorySource::new(), |source, (name, text)| source.with_file(*name, *text));
        match guess_web_command(&source, declared).unwrap() {
            StartCommand::Guessed { command, .. } => Some(command),
            StartCommand::Unknown(_) => None,
        }
    }

    #[test]
    fn framework_that_is_not_among_the_packages_is_named() {
        let source = InMemorySource::new().with_file("app.py", "app = Flask(__name__)\n");
        for (declared, expected) in
            [("Flask==3", "app.py: Flask"), ("", "app.py: Flask, which is not among the packages")]
        {
            let guessed = guess_web_command(&source, declared).unwrap();
            assert!(
                matches!(guessed, StartCommand::Guessed { reason, .. } if reason == expected),
                "{declared}"
            );
        }
    }

    #[test]
    fn usual_applications_are_started_by_their_servers() {
        let flask = "from flask import Flask\n\napp = Flask(__name__)\n";
        let fastapi = "import fastapi\napi: fastapi.FastAPI = fastapi.FastAPI(title=\"x\")\n";
        for (files, declared, expected) in [
            (
                vec![("app.py", flask)],
                "flask",
                "flask --app 'app:app' run --host 0.0.0.0 --port ${PORT:-8000}",
            ),
            (
                vec![("app.py", flask)],
                "Flask\nGunicorn==22",
                "gunicorn 'app:app' --bind 0.0.0.0:${PORT:-8000}",
            ),
            (
                vec![("main.py", fastapi)],
                "fastapi\nuvicorn[standard]",
                "uvicorn main:api --host 0.0.0.0 --port ${PORT:-8000}",
            ),
            (
                vec![("app.py", "def create_app():\n    app = Flask(__name__)\n    return app\n")],
                "gunicorn",
                "gunicorn 'app:create_app()' --bind 0.0.0.0:${PORT:-8000}",
            ),
            (
                vec![("manage.py", ""), ("site1/wsgi.py", "")],
                "django\ngunicorn",
                "gunicorn site1.wsgi --bind 0.0.0.0:${PORT:-8000}",
            ),
            (
                vec![("manage.py", ""), ("site1/wsgi.py", "")],
                "django",
                "python3 manage.py runserver --noreload 0.0.0.0:${PORT:-8000}",
            ),
        ] {
            assert_eq!(guess(&files, declared).as_deref(), Some(expected));
        }
    }

    #[test]
    fn other_programs_have_no_guess() {
        assert_eq!(guess(&[("main.py", "print('app = Flask')\n")], "requests"), None);
        assert_eq!(guess(&[("app.py", "app = FastAPI()\n")], "fastapi"), None);
        assert_eq!(guess(&[("manage.py", ""), ("a b/wsgi.py", "")], "django"), None);
        assert!(!has_package("gunicorn-color", "gunicorn") && has_package("x\n\"gunicorn>=2\"", "gunicorn"));
    }
}

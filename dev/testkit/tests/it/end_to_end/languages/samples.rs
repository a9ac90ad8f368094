//! The samples: sources with real dependencies, their answers, and their usual mistakes.

/// A source in a language.
pub struct LanguageSample {
    pub name: &'static str,
    /// Images that its build reads.
    pub images: &'static [&'static str],
    pub files: SampleFiles,
    /// Variables of the tool.
    pub variables: &'static [(&'static str, &'static str)],
    /// Paths of pages, each with a text that it contains.
    pub answers: &'static [(&'static str, &'static str)],
    /// Mistakes that are made before the first deployment.
    pub mistakes_before: &'static [UsualMistake],
    /// Mistakes that are made afterwards.
    pub mistakes: &'static [UsualMistake],
}

/// Files of a sample.
pub enum SampleFiles {
    /// Those of an example.
    Example(&'static str),
    /// Paths and texts.
    Listed(&'static [(&'static str, &'static str)]),
}

/// A change of a file that makes its build fail, and what the message contains. Without any text left the file is deleted.
pub struct UsualMistake {
    pub file: &'static str,
    pub text: &'static str,
    pub replacement: &'static str,
    pub messages: &'static [&'static str],
}

const SMALL_GO_MANIFEST: &str = "module code.example/ann/pond\n\ngo 1.21\n\n\
     require github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510\n";
const SMALL_GO_LOCK: &str = "github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510 \
     h1:El6M4kTTCOh6aBiKaUGG7oYTSPP8MxqL4YI3kZKwcP4=\n\
     github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510/go.mod \
     h1:pupxD2MaaD3pAXIBCelhxNneeOaAeabZDe5s4K6zSpQ=\n";
/// The package net/http takes three times as long to compile.
const SMALL_GO_PROGRAM: &str = "package main\n\nimport (\n\t\"fmt\"\n\t\"net\"\n\t\"os\"\n\n\t\"github.com/google/shlex\"\n)\n\n\
     func main() {\n\twords, _ := shlex.Split(\"hello from 'small Go'\")\n\tpage := words[len(words)-1]\n\t\
     listener, err := net.Listen(\"tcp\", \":\"+os.Getenv(\"PORT\"))\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\tfor {\n\t\t\
     connection, err := listener.Accept()\n\t\tif err != nil {\n\t\t\tcontinue\n\t\t}\n\t\t\
     connection.Read(make([]byte, 4096))\n\t\t\
     fmt.Fprintf(connection, \"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s\", len(page), page)\n\t\t\
     connection.Close()\n\t}\n}\n";

/// The first is built in each run of the tests.
pub const COMPILED_SAMPLES: &[LanguageSample] = &[
    LanguageSample {
        name: "small-go",
        images: &["golang1.24", "trixie-slim"],
        files: SampleFiles::Listed(&[
            ("go.mod", SMALL_GO_MANIFEST),
            ("go.sum", SMALL_GO_LOCK),
            ("main.go", SMALL_GO_PROGRAM),
        ]),
        variables: &[],
        answers: &[("/", "small Go")],
        mistakes_before: &[],
        mistakes: &[
            UsualMistake {
                file: "go.mod",
                text: "require ",
                replacement: "// ",
                messages: &["go get github.com/google/shlex", "go mod tidy"],
            },
            UsualMistake {
                file: "main.go",
                text: "words, _ :=",
                replacement: "words, _, unused :=",
                messages: &["main.go:", "Correct the source at this line"],
            },
        ],
    },
    LanguageSample {
        name: "go",
        images: &["golang1.24", "trixie-slim"],
        files: SampleFiles::Example("go"),
        variables: &[],
        answers: &[("/", "Hello, world")],
        mistakes_before: &[],
        mistakes: &[UsualMistake {
            file: "go.mod",
            text: "require ",
            replacement: "// ",
            messages: &["go get github.com/go-chi/chi/v5"],
        }],
    },
    LanguageSample {
        name: "rust",
        images: &["rust-current", "forky-slim"],
        files: SampleFiles::Example("rust"),
        variables: &[],
        answers: &[("/", "hello from Rust")],
        mistakes_before: &[],
        mistakes: &[
            UsualMistake {
                file: "Cargo.toml",
                text: "[dependencies]",
                replacement: "[dependencies]\nhttparse = \"1\"",
                messages: &["--locked", "Run cargo check, and commit Cargo.lock."],
            },
            UsualMistake {
                file: "src/main.rs",
                text: "    let server = ",
                replacement: "    let _: u32 = \"\";\n    let server = ",
                messages: &["E0308", "Correct the source at this line"],
            },
        ],
    },
    LanguageSample {
        name: "java",
        images: &["java21", "java21-slim"],
        files: SampleFiles::Example("java"),
        variables: &[],
        answers: &[("/", "hello from Java 21")],
        mistakes_before: &[],
        mistakes: &[UsualMistake {
            file: "pom.xml",
            text: ">17<",
            replacement: ">26<",
            messages: &["26", "Lower java.version or maven.compiler.release in pom.xml"],
        }],
    },
];

const DJANGO_SETTINGS: &str = "from pathlib import Path\n\nBASE = Path(__file__).parent.parent\nSECRET_KEY = \"a sample\"\n\
     DEBUG = False\nALLOWED_HOSTS = [\"*\"]\nROOT_URLCONF = \"pond.urls\"\nINSTALLED_APPS = [\"django.contrib.staticfiles\"]\n\
     MIDDLEWARE = [\"whitenoise.middleware.WhiteNoiseMiddleware\"]\nSTATIC_URL = \"static/\"\n\
     STATIC_ROOT = BASE / \"collected\"\nSTATICFILES_DIRS = [BASE / \"assets\"]\n\
     TEMPLATES = [{\"BACKEND\": \"django.template.backends.django.DjangoTemplates\", \"DIRS\": [BASE / \"templates\"]}]\n";
const DJANGO_MANAGE: &str = "import os\nimport sys\n\nfrom django.core.management import execute_from_command_line\n\n\
     os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"pond.settings\")\nexecute_from_command_line(sys.argv)\n";
const DJANGO_URLS: &str = "from django.urls import path\nfrom django.views.generic import TemplateView\n\n\
     urlpatterns = [path(\"\", TemplateView.as_view(template_name=\"index.html\"))]\n";
const DJANGO_WSGI: &str = "import os\n\nfrom django.core.wsgi import get_wsgi_application\n\n\
     os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"pond.settings\")\napplication = get_wsgi_application()\n";

pub const PYTHON_SAMPLES: &[LanguageSample] = &[LanguageSample {
    name: "django",
    images: &["python3.11", "python3.11-slim", "node18"],
    files: SampleFiles::Listed(&[
        ("requirements.txt", "django==4.2.16\ngunicorn==23.0.0\nwhitenoise==6.7.0\n"),
        (
            "hearth.yaml",
            "config_version: hearth/v1\ntool: django-ada\nbuild:\n  front_end: theme\n  commands:\n    - python3 manage.py \
             collectstatic --noinput\n",
        ),
        ("manage.py", DJANGO_MANAGE),
        ("pond/__init__.py", ""),
        ("pond/settings.py", DJANGO_SETTINGS),
        ("pond/urls.py", DJANGO_URLS),
        ("pond/wsgi.py", DJANGO_WSGI),
        (
            "templates/index.html",
            "{% load static %}<!doctype html>\n<title>Pond</title>\n<link rel=\"stylesheet\" href=\"{% static 'site.css' \
             %}\">\n<h1 class=\"text-3xl\">hello from Django</h1>\n",
        ),
        (
            "theme/package.json",
            "{\"private\": true, \"scripts\": {\"build\": \"tailwindcss -i input.css -o ../assets/site.css --minify\"}, \
             \"devDependencies\": {\"tailwindcss\": \"3.4.17\"}}",
        ),
        ("theme/tailwind.config.js", "module.exports = { content: [\"../templates/*.html\"] };\n"),
        ("theme/input.css", "@tailwind utilities;\n"),
    ]),
    variables: &[],
    answers: &[("/", "hello from Django"), ("/static/site.css", ".text-3xl")],
    mistakes_before: &[],
    mistakes: &[
        UsualMistake {
            file: "requirements.txt",
            text: "whitenoise==6.7.0",
            replacement: "whitenoise==99.0",
            messages: &["whitenoise==99.0", "Correct the name or the version of this package"],
        },
        UsualMistake {
            file: "theme/package.json",
            text: "\"tailwindcss\": \"3.4.17\"",
            replacement: "",
            messages: &["tailwindcss: not found", "Add the package of this program"],
        },
    ],
}];

/// The lock file was written on another system.
const POND_LOCK: &str = "GEM\n  remote: https://gems.example/\n  specs:\n    hearth-pond (1.0)\n\nPLATFORMS\n  \
     arm64-darwin-23\n\nDEPENDENCIES\n  hearth-pond\n\nRUBY VERSION\n   ruby 3.3.8p144\n";

pub const RUBY_SAMPLES: &[LanguageSample] = &[
    LanguageSample {
        name: "ruby",
        images: &["ruby3.3", "ruby3.3-slim"],
        files: SampleFiles::Listed(&[
            ("Gemfile", "source \"https://gems.example\"\nruby \"~> 3.1\"\ngem \"hearth-pond\"\n"),
            ("Gemfile.lock", POND_LOCK),
            (
                "app.rb",
                "require \"hearth_pond\"\nHearthPond.serve(Integer(ENV.fetch(\"PORT\")), \"hello from Ruby\")\n",
            ),
            ("Procfile", "web: bundle exec ruby app.rb\n"),
        ]),
        variables: &[],
        answers: &[("/", "hello from Ruby")],
        mistakes_before: &[UsualMistake {
            file: "Procfile",
            text: "web: bundle exec ruby app.rb\n",
            replacement: "",
            messages: &["web: bundle exec ruby FILE.rb"],
        }],
        mistakes: &[UsualMistake {
            file: "Gemfile",
            text: "~> 3.1",
            replacement: "3.2.2",
            messages: &["Ruby 3.2.2", "write ruby \"~> 3.3\""],
        }],
    },
    LanguageSample {
        name: "sinatra",
        images: &["ruby3.3", "ruby3.3-slim"],
        files: SampleFiles::Listed(&[
            (
                "Gemfile",
                "source \"https://gems.example\"\ngem \"sinatra\", \"~> 4.1\"\ngem \"puma\"\ngem \"rackup\"\n",
            ),
            ("config.ru", "require_relative \"app\"\nrun Sinatra::Application\n"),
            (
                "app.rb",
                "require \"sinatra\"\nset :host_authorization, { permitted_hosts: [] }\nget(\"/\") { \"hello from Sinatra\" }\n",
            ),
        ]),
        variables: &[],
        answers: &[("/", "hello from Sinatra")],
        mistakes_before: &[],
        mistakes: &[UsualMistake {
            file: "Gemfile",
            text: "gem \"rackup\"",
            replacement: "gem \"nosuch-gem\"",
            messages: &["nosuch-gem", "Correct the name or the version of this package"],
        }],
    },
    LanguageSample {
        name: "rails",
        images: &["ruby3.3", "ruby3.3-slim"],
        files: SampleFiles::Listed(&[
            ("Gemfile", "source \"https://gems.example\"\ngem \"railties\", \"~> 7.2\"\ngem \"puma\"\n"),
            ("Aptfile", "libxml2\nlibxslt1.1\n"),
            (
                "bin/rails",
                "#!/usr/bin/env ruby\nAPP_PATH = File.expand_path(\"../config/application\", __dir__)\n\
                 require_relative \"../config/boot\"\nrequire \"rails/commands\"\n",
            ),
            ("config.ru", "require_relative \"config/environment\"\nrun Rails.application\n"),
            (
                "config/boot.rb",
                "ENV[\"BUNDLE_GEMFILE\"] ||= File.expand_path(\"../Gemfile\", __dir__)\nrequire \"bundler/setup\"\n",
            ),
            (
                "config/application.rb",
                "require_relative \"boot\"\nrequire \"rails\"\nrequire \"action_controller/railtie\"\n\
                 Bundler.require(*Rails.groups)\n\nmodule Pond\n  class Application < Rails::Application\n    \
                 config.load_defaults 7.2\n    config.eager_load = true\n  end\nend\n",
            ),
            ("config/environment.rb", "require_relative \"application\"\nRails.application.initialize!\n"),
            ("config/routes.rb", "Rails.application.routes.draw { root to: \"pages#show\" }\n"),
            (
                "app/controllers/pages_controller.rb",
                "class PagesController < ActionController::Base\n  def show = render(plain: \"hello from Rails\")\nend\n",
            ),
        ]),
        variables: &[("SECRET_KEY_BASE", "a-sample-key-that-is-long-enough-for-a-test")],
        answers: &[("/", "hello from Rails")],
        mistakes_before: &[],
        mistakes: &[UsualMistake {
            file: "Gemfile",
            text: "\"~> 7.2\"",
            replacement: "\"~> 99.0\"",
            messages: &["railties", "Correct the name or the version of this package"],
        }],
    },
];

pub const PHP_SAMPLES: &[LanguageSample] = &[LanguageSample {
    name: "php",
    images: &["php8.2"],
    files: SampleFiles::Listed(&[
        (
            "composer.json",
            "{\"require\": {\"php\": \">=8.1\", \"symfony/http-foundation\": \"^5.4\", \"symfony/routing\": \"^5.4\", \
             \"twig/twig\": \"^3\", \"monolog/monolog\": \"^2\"}, \"replace\": {\"symfony/polyfill-mbstring\": \"*\", \
             \"symfony/polyfill-php80\": \"*\", \"symfony/polyfill-ctype\": \"*\"}, \"autoload\": {\"psr-4\": {\"Pond\\\\\": \
             \"src/\"}}}",
        ),
        (
            "src/Page.php",
            "<?php\n\nnamespace Pond;\n\nclass Page\n{\n    public const TEXT = 'hello from {{ name }}';\n}\n",
        ),
        (
            "public/index.php",
            "<?php\n\nrequire __DIR__ . '/../vendor/autoload.php';\n\n\
             use Symfony\\Component\\HttpFoundation\\{Request, Response};\n\
             use Symfony\\Component\\Routing\\Matcher\\UrlMatcher;\n\
             use Symfony\\Component\\Routing\\{RequestContext, Route, RouteCollection};\n\n\
             $routes = new RouteCollection();\n$routes->add('page', new Route('/{name}', ['name' => 'Symfony']));\n\
             $request = Request::createFromGlobals();\n\
             $matcher = new UrlMatcher($routes, (new RequestContext())->fromRequest($request));\n\
             $twig = new Twig\\Environment(new Twig\\Loader\\ArrayLoader(['page' => Pond\\Page::TEXT]));\n\
             (new Monolog\\Logger('pond'))->info('a visit');\n\
             (new Response($twig->render('page', $matcher->match($request->getPathInfo()))))->send();\n",
        ),
    ]),
    variables: &[],
    answers: &[("/", "hello from Symfony"), ("/routing", "hello from routing")],
    mistakes_before: &[],
    mistakes: &[
        UsualMistake {
            file: "composer.json",
            text: "\"symfony/routing\": \"^5.4\"",
            replacement: "\"symfony/routing\": \"^99.0\"",
            messages: &["symfony/routing", "Correct the name or the version of this package"],
        },
        UsualMistake {
            file: "composer.json",
            text: "\"php\": \">=8.1\"",
            replacement: "\"php\": \"^7.4\"",
            messages: &["your php version", "Allow a PHP in composer.json"],
        },
    ],
}];

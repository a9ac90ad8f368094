//! Commands of the managers of Python packages: uv, Poetry and PDM.

/// Commands of a dependency manager: for an application, and for a project that is a package too. Each is installed
/// apart from the application and removed again. An empty lock file counts as none.
pub struct ManagerCommands {
    /// Installs the dependencies only.
    pub application: &'static str,
    /// Installs the project too.
    pub package: &'static str,
}

/// A lock file of uv contains the addresses of its packages. So uv exports it with the hashes, and installs from the
/// operator's index.
macro_rules! uv_command {
    ($export_option:literal, $sync_option:literal) => {
        concat!(
            "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir uv && \
            export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_PROJECT_ENVIRONMENT=/opt/venv \
            UV_PYTHON_DOWNLOADS=never && if [ -s uv.lock ]; then /opt/tools/bin/uv export --no-cache --quiet --frozen \
            --no-dev ",
            $export_option,
            "--emit-index-url --output-file /tmp/requirements.txt && \
            /opt/tools/bin/uv pip install --python /opt/venv --no-cache --no-deps --requirement /tmp/requirements.txt; \
            else rm -f uv.lock && /opt/tools/bin/uv sync --no-cache --no-dev",
            $sync_option,
            "; fi && rm -rf /opt/tools /tmp/requirements.txt"
        )
    };
}

/// Commands of uv.
pub const UV_COMMANDS: ManagerCommands = ManagerCommands {
    application: uv_command!("--no-emit-project ", " --no-install-project"),
    package: uv_command!("", ""),
};

/// Poetry knows no index but its own and those of the project. So it exports its lock file with the hashes, or the
/// dependencies without one, and uv installs them from the operator's index.
macro_rules! poetry_command {
    ($install_option:literal) => {
        concat!(
            "python3 -m venv /opt/tools && if [ -s poetry.lock ]; then \
            /opt/tools/bin/pip install --no-cache-dir uv poetry poetry-plugin-export && \
            /opt/tools/bin/poetry export --only main --output /tmp/requirements.txt; else \
            /opt/tools/bin/pip install --no-cache-dir uv poetry-core && \
            /opt/tools/bin/python -c \"from pathlib import Path; \
            from poetry.core.factory import Factory; project = Factory().create_poetry(Path()); \
            sources = [source['url'] for source in project.local_config.get('source', []) if 'url' in source]; \
            print(*['--extra-index-url ' + url for url in sources], \
            *[needed.to_pep_508() for needed in project.package.requires if not needed.is_optional()], \
            sep='\\n')\" > /tmp/requirements.txt; fi && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
            /opt/tools/bin/uv pip install --python /opt/venv --no-cache $([ ! -s poetry.lock ] || echo --no-deps) \
            --requirement /tmp/requirements.txt",
            $install_option,
            " && rm -rf /opt/tools /tmp/requirements.txt"
        )
    };
}

/// Commands of Poetry.
pub const POETRY_COMMANDS: ManagerCommands =
    ManagerCommands { application: poetry_command!(""), package: poetry_command!(" --editable .") };

/// PDM exports its lock file with the hashes for uv, which installs from the operator's index.
macro_rules! pdm_command {
    ($install_argument:literal) => {
        concat!(
            "python3 -m venv /opt/tools && if [ -s pdm.lock ]; then \
            /opt/tools/bin/pip install --no-cache-dir uv pdm && PDM_CHECK_UPDATE=0 PDM_IGNORE_SAVED_PYTHON=1 \
            /opt/tools/bin/pdm export --production --output /tmp/requirements.txt; else \
            /opt/tools/bin/pip install --no-cache-dir uv; fi && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
            /opt/tools/bin/uv pip install --python /opt/venv --no-cache --requirement \
            $([ -s pdm.lock ] && echo /tmp/requirements.txt --no-deps || echo pyproject.toml)",
            $install_argument,
            " && rm -rf /opt/tools /tmp/requirements.txt"
        )
    };
}

/// Commands of PDM.
pub const PDM_COMMANDS: ManagerCommands =
    ManagerCommands { application: pdm_command!(""), package: pdm_command!(" .") };

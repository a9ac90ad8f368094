//! `hearth request …`: requests of a tool to the operators.

pub mod create;

use hearth_base::{Result, ToolRequestId};
use hearth_wire::accounts::{RequestState, ToolRequest, ToolRequestQuery};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
};

/// Commands about requests of the tool.
#[derive(Debug, clap::Subcommand)]
pub enum RequestCommand {
    /// Ask the operators for a package source or another quota
    #[command(before_help = "Example: hearth request create package-source pgdg --reason libpq17",
        help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Create {
        /// The kind of the request.
        #[command(subcommand)]
        kind: create::CreateRequestCommand,
    },
    /// List the requests of the tool, the newest first
    #[command(before_help = "Example: hearth request list", help_template = HELP_TEMPLATE)]
    List(ListRequestsArgs),
    /// Show a request
    #[command(before_help = "Example: hearth request show request_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Show(ShowRequestArgs),
    /// Withdraw an open request
    #[command(before_help = "Example: hearth request withdraw request_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Withdraw(WithdrawRequestArgs),
}

/// The arguments of `hearth request list`.
#[derive(Debug, clap::Args)]
pub struct ListRequestsArgs {
    /// List requests in this state, or all
    #[arg(long, value_enum, value_name = "STATE", default_value_t = ChosenState::All)]
    state: ChosenState,
}

/// The arguments of `hearth request show`.
#[derive(Debug, clap::Args)]
pub struct ShowRequestArgs {
    /// The request, as hearth request list shows it
    id: ToolRequestId,
}

/// The arguments of `hearth request withdraw`.
#[derive(Debug, clap::Args)]
pub struct WithdrawRequestArgs {
    /// The request, as hearth request list shows it
    id: ToolRequestId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// States of requests as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ChosenState {
    /// Waits for an operator
    Open,
    /// Accepted by an operator
    Accepted,
    /// Refused by an operator
    Refused,
    /// Withdrawn by the tool
    Withdrawn,
    /// Every state
    All,
}

impl ChosenState {
    /// Converts the argument to a filter.
    pub fn to_state(self) -> Option<RequestState> {
        match self {
            Self::Open => Some(RequestState::Open),
            Self::Accepted => Some(RequestState::Accepted),
            Self::Refused => Some(RequestState::Refused),
            Self::Withdrawn => Some(RequestState::Withdrawn),
            Self::All => None,
        }
    }
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: RequestCommand) -> Result<()> {
    match command {
        RequestCommand::Create { kind } => create::run(cx, kind).await,
        RequestCommand::List(args) => list_requests(cx, args).await,
        RequestCommand::Show(args) => show_request(cx, args).await,
        RequestCommand::Withdraw(args) => withdraw_request(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &RequestCommand) -> &'static str {
    match command {
        RequestCommand::List(_) | RequestCommand::Show(_) => "nothing was changed",
        RequestCommand::Create { .. } | RequestCommand::Withdraw(_) => {
            "the request may be changed already; hearth request list shows it"
        }
    }
}

async fn list_requests(cx: &CommandContext, args: ListRequestsArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let session = cx.open_tool_session()?;
    let (tools, tool) = (session.client().tools(), session.tool_name());
    let state = args.state.to_state();
    let requests = session.collect_pages(|limit, cursor| async move {
        tools
            .list_requests(tool, &ToolRequestQuery { state, limit, cursor, ..ToolRequestQuery::default() })
            .await
    });
    let requests = requests.await?;
    result.print_list(&requests, &build_requests_table(&requests))?;
    if requests.is_empty() {
        cx.printer.print_note("No request matches.");
        cx.printer.print_next("hearth request create package-source NAME --reason TEXT");
    }
    Ok(())
}

async fn show_request(cx: &CommandContext, args: ShowRequestArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let session = cx.open_tool_session()?;
    let request = session.send(session.client().tools().show_request(session.tool_name(), args.id)).await?;
    result.print_record(&request, &build_request_table(&request))
}

async fn withdraw_request(cx: &CommandContext, args: WithdrawRequestArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let WithdrawRequestArgs { id, dry_run } = args;
    let session = cx.open_tool_session()?;
    let (tools, tool) = (session.client().tools(), session.tool_name());
    if dry_run.dry_run {
        let request = session.send(tools.show_request(tool, id)).await?;
        return result.print_sentence(&request, &format!("would withdraw {id}"));
    }
    let request = session.send(tools.withdraw_request(tool, id)).await?;
    result.print_done(&request, &format!("{id} is withdrawn"))
}

/// Builds the table of a list of requests.
pub fn build_requests_table(requests: &[ToolRequest]) -> Table {
    let mut table = Table::with_headings(&["request", "tool", "asks for", "author", "state", "created"]);
    for request in requests {
        table.add_row([
            Cell::from(request.id.to_string()),
            Cell::from(request.tool.as_str()),
            Cell::from(request.describe_details()),
            Cell::from(request.author.as_str()),
            Cell::from(request.state.as_str()),
            Cell::from(request.created),
        ]);
    }
    table
}

/// Builds the table of one request.
pub fn build_request_table(request: &ToolRequest) -> Table {
    let mut rows = vec![
        ("request", Cell::from(request.id.to_string())),
        ("tool", Cell::from(request.tool.as_str())),
        ("asks for", Cell::from(request.describe_details())),
        ("reason", Cell::from(request.reason.as_str())),
        ("author", Cell::from(request.author.as_str())),
        ("state", Cell::from(request.state.as_str())),
        ("created", Cell::from(request.created)),
    ];
    rows.extend(request.decided.map(|decided| ("decided", Cell::from(decided))));
    rows.extend(request.decided_by.as_deref().map(|by| ("by", Cell::from(by))));
    if !request.answer.is_empty() {
        rows.push(("answer", Cell::from(request.answer.as_str())));
    }
    Table::from_pairs(rows)
}

//! `hearth admin requests …`: requests of tools, which operators accept or refuse.

use hearth_base::{PackageSourceName, Result, ToolRequestId};
use hearth_wire::accounts::{RequestAcceptance, RequestRefusal, RequestState, ToolRequest, ToolRequestQuery};

use crate::{
    commands::request::{ChosenState, build_request_table, build_requests_table},
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
};

/// Commands about requests of all tools.
#[derive(Debug, clap::Subcommand)]
pub enum RequestsCommand {
    /// List requests of all tools, the newest first
    #[command(before_help = "Example: hearth admin requests list", help_template = HELP_TEMPLATE)]
    List(ListRequestsArgs),
    /// Show a request
    #[command(before_help = "Example: hearth admin requests show request_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Show(ShowRequestArgs),
    /// Accept a request: the tool gets what it asked for
    #[command(before_help = "Example: hearth admin requests accept request_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Accept(AcceptRequestArgs),
    /// Refuse a request
    #[command(before_help = "Example: hearth admin requests refuse request_00000000000000000000000001 --answer no",
        help_template = HELP_TEMPLATE)]
    Refuse(RefuseRequestArgs),
}

/// The arguments of `hearth admin requests list`.
#[derive(Debug, clap::Args)]
pub struct ListRequestsArgs {
    /// List requests in this state, or all
    #[arg(long, value_enum, value_name = "STATE", default_value_t = ChosenState::Open)]
    state: ChosenState,
}

/// The arguments of `hearth admin requests show`.
#[derive(Debug, clap::Args)]
pub struct ShowRequestArgs {
    /// The request, as hearth admin requests list shows it
    id: ToolRequestId,
}

/// The arguments of `hearth admin requests accept`.
#[derive(Debug, clap::Args)]
pub struct AcceptRequestArgs {
    /// The request, as hearth admin requests list shows it
    id: ToolRequestId,
    /// Answer to the tool's maintainers
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    answer: String,
    /// Grant this package source instead of the one with the requested name
    #[arg(long, value_name = "NAME")]
    package_source: Option<PackageSourceName>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth admin requests refuse`.
#[derive(Debug, clap::Args)]
pub struct RefuseRequestArgs {
    /// The request, as hearth admin requests list shows it
    id: ToolRequestId,
    /// Answer to the tool's maintainers
    #[arg(long, value_name = "TEXT")]
    answer: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: RequestsCommand) -> Result<()> {
    match command {
        RequestsCommand::List(args) => list_requests(cx, args).await,
        RequestsCommand::Show(args) => show_request(cx, args).await,
        RequestsCommand::Accept(args) => accept_request(cx, args).await,
        RequestsCommand::Refuse(args) => refuse_request(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &RequestsCommand) -> &'static str {
    match command {
        RequestsCommand::List(_) | RequestsCommand::Show(_) => "nothing was changed",
        RequestsCommand::Accept(_) | RequestsCommand::Refuse(_) => {
            "the request may be decided already; hearth admin requests show ID shows it"
        }
    }
}

async fn list_requests(cx: &CommandContext, args: ListRequestsArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let session = cx.open_session()?;
    let (accounts, state) = (session.client.accounts(), args.state.to_state());
    let requests = session.collect_pages(|limit, cursor| async move {
        accounts.list_requests(&ToolRequestQuery { state, kind: None, limit, cursor }).await
    });
    let requests = requests.await?;
    result.print_list(&requests, &build_requests_table(&requests))?;
    if requests.is_empty() {
        cx.printer.print_note("No request matches.");
    }
    Ok(())
}

async fn show_request(cx: &CommandContext, args: ShowRequestArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let session = cx.open_session()?;
    let request = session.send(session.client.accounts().show_request(args.id)).await?;
    result.print_record(&request, &build_request_table(&request))?;
    if request.state == RequestState::Open {
        cx.printer.print_next(&format!("hearth admin requests accept {}", args.id));
    }
    Ok(())
}

async fn accept_request(cx: &CommandContext, args: AcceptRequestArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let AcceptRequestArgs { id, answer, package_source, dry_run } = args;
    let session = cx.open_session()?;
    let accounts = session.client.accounts();
    if dry_run.dry_run {
        let request = session.send(accounts.show_request(id)).await?;
        return result.print_sentence(&request, &format!("would accept {id} of {}", request.tool));
    }
    let acceptance = RequestAcceptance { answer, package_source };
    let request = session.send(accounts.accept_request(id, &acceptance)).await?;
    result.print_done(&request, &format!("{id} of {} is accepted", request.tool))
}

async fn refuse_request(cx: &CommandContext, args: RefuseRequestArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolRequest>()?;
    let RefuseRequestArgs { id, answer, dry_run } = args;
    let session = cx.open_session()?;
    let accounts = session.client.accounts();
    if dry_run.dry_run {
        let request = session.send(accounts.show_request(id)).await?;
        return result.print_sentence(&request, &format!("would refuse {id} of {}", request.tool));
    }
    let request = session.send(accounts.refuse_request(id, &RequestRefusal { answer })).await?;
    result.print_done(&request, &format!("{id} of {} is refused", request.tool))
}

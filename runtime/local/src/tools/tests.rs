use super::*;
use hearth_base::{Clock, Entropy, PreviewNumber, SystemClock};

/// First id of ranges that no process of this host has.
const FREE_ID_RANGE: u32 = 0x7000_0000;

#[test]
fn number_survives_a_restart_and_is_not_shared() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let path = folder.path().join("tools.json");
    let tool = || ToolId::new(SystemClock.now(), &Entropy::System);
    let (one, two, three) = (tool(), tool(), tool());
    let tools = ToolNumbers::open(path.clone(), 65_536, StateFormat::NEWEST_FORMAT)?;
    assert_eq!(
        (
            tools.assign_number(one.into())?,
            tools.assign_number(two.into())?,
            tools.assign_number(one.into())?
        ),
        (0, 1, 0)
    );
    let reopened = ToolNumbers::open(path, 65_536, StateFormat::NEWEST_FORMAT)?;
    assert_eq!(
        (
            reopened.assign_number(two.into())?,
            reopened.assign_number(three.into())?,
            reopened.find_number(tool())
        ),
        (1, 2, None)
    );
    assert_eq!(reopened.compute_first_id(2)?, 3 * 65_536);
    assert!(reopened.compute_first_id(u32::MAX).is_err());
    Ok(())
}

#[test]
fn numbers_of_tools_are_unreadable_to_release_0_1_once_the_upgrade_is_finished() -> Result<()> {
    /// As release 0.1 reads the file.
    #[derive(Deserialize)]
    struct NumbersOfRelease01 {
        tools: BTreeMap<ToolId, u32>,
    }
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let path = folder.path().join("tools.json");
    let read = || serde_json::from_slice::<NumbersOfRelease01>(&fs::read(&path).unwrap_or_default());
    let tool = ToolId::new(SystemClock.now(), &Entropy::System);
    let number =
        ToolNumbers::open(path.clone(), 65_536, StateFormat::Release01)?.assign_number(tool.into())?;
    assert_eq!(read().ok().and_then(|read| read.tools.get(&tool).copied()), Some(number));
    let finished = ToolNumbers::open(path.clone(), 65_536, StateFormat::Release02)?;
    assert_eq!(finished.find_number(tool), Some(number));
    assert!(read().is_err());
    let reopened = ToolNumbers::open(path.clone(), 65_536, StateFormat::Release02)?;
    assert_eq!(reopened.find_number(tool), Some(number));
    Ok(())
}

#[test]
fn number_of_an_erased_tool_is_lent_again() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let path = folder.path().join("tools.json");
    let tool = || ToolId::new(SystemClock.now(), &Entropy::System);
    let (one, two, three) = (tool(), tool(), tool());
    let tools = ToolNumbers::open(path.clone(), FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
    assert_eq!((tools.assign_number(one.into())?, tools.assign_number(two.into())?), (0, 1));
    tools.release_number(one)?;
    tools.release_number(one)?;
    assert_eq!(tools.find_number(one), None);
    let reopened = ToolNumbers::open(path, FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
    assert_eq!((reopened.assign_number(three.into())?, reopened.assign_number(one.into())?), (0, 2));
    Ok(())
}

#[test]
fn number_is_kept_while_a_file_process_uses_it() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let tools =
        ToolNumbers::open(folder.path().join("tools.json"), FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
    let tool = ToolId::new(SystemClock.now(), &Entropy::System);
    let uses = (0..MAX_FILE_PROCESSES_PER_TOOL).map(|_| tools.begin_use(tool)).collect::<Result<Vec<_>>>()?;
    assert_eq!(tools.begin_use(tool).unwrap_err().code(), "files-busy");
    assert_eq!(tools.release_number(tool).unwrap_err().code(), "tool-still-runs");
    assert_eq!((tools.find_number(tool), uses[0].number), (Some(0), 0));
    drop(uses);
    tools.release_number(tool)?;
    assert_eq!(tools.find_number(tool), None);
    Ok(())
}

#[test]
fn numbers_do_not_run_out_when_tools_are_erased() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    // Two ranges of ids fit.
    let first_id = STORED_ID_BASE - 3 * IDS_PER_CONTAINER;
    let tools = ToolNumbers::open(folder.path().join("tools.json"), first_id, StateFormat::NEWEST_FORMAT)?;
    for _ in 0..20 {
        let tool = ToolId::new(SystemClock.now(), &Entropy::System);
        assert!(tools.assign_number(tool.into())? < 2);
        tools.release_number(tool)?;
    }
    Ok(())
}

#[test]
fn number_is_kept_while_a_process_has_an_id_of_the_tool() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    // The range of number 0 includes the ids of this process.
    let tools = ToolNumbers::open(folder.path().join("tools.json"), 0, StateFormat::NEWEST_FORMAT)?;
    let tool = ToolId::new(SystemClock.now(), &Entropy::System);
    tools.assign_number(tool.into())?;
    let refused = tools.release_number(tool).err();
    assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("tool-still-runs"));
    assert_eq!(tools.find_number(tool), Some(0));
    Ok(())
}

#[test]
fn preview_has_a_number_of_its_own() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let path = folder.path().join("tools.json");
    let tools = ToolNumbers::open(path.clone(), FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
    let tool = ToolId::new(SystemClock.now(), &Entropy::System);
    let preview = |number| Ok::<_, Error>(Owner::Preview { tool, number: PreviewNumber::new(number)? });
    let (one, two, three) = (preview(1)?, preview(2)?, preview(3)?);
    assert_eq!(
        (tools.assign_number(tool.into())?, tools.assign_number(one)?, tools.assign_number(two)?),
        (0, 1, 2)
    );
    let reopened = ToolNumbers::open(path, FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
    let previews = reopened.list_previews();
    assert_eq!(previews.iter().map(|owner| owner.to_owner()).collect::<Vec<_>>(), [one, two]);
    reopened.release_number(previews[0])?;
    assert_eq!(reopened.find_number(tool), Some(0), "a tool keeps its number");
    assert_eq!((reopened.assign_number(two)?, reopened.assign_number(three)?), (2, 1));
    Ok(())
}

#[test]
fn preview_is_refused_while_release_0_1_must_read_the_file() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let path = folder.path().join("tools.json");
    let tools = ToolNumbers::open(path.clone(), FREE_ID_RANGE, StateFormat::Release01)?;
    let tool = ToolId::new(SystemClock.now(), &Entropy::System);
    let preview = Owner::Preview { tool, number: PreviewNumber::new(7)? };
    assert_eq!(tools.assign_number(preview).unwrap_err().code(), "workload-preview-unsupported");
    tools.assign_number(tool.into())?;
    assert!(!fs::read_to_string(&path).map_err(Error::internal)?.contains("/pr-"));
    assert!(ToolNumbers::open(path, FREE_ID_RANGE, StateFormat::Release02)?.assign_number(preview).is_ok());
    Ok(())
}

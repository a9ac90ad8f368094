//! A tool's page, API and schedules go on during each attack of another tool or of an address. The bench `tenants`
//! measures how quickly.

use std::net::{IpAddr, Ipv4Addr};

use hearth_base::Result;
use hearth_testkit::{
    Hearth, HearthShape, TestImage,
    attacks::{ATTACK_SETTINGS, Attack, AttackingAddress, AttackingTool, NeighborTool},
};

/// Loopback address of the attacker.
const ATTACKER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1));
/// Visits and calls during each attack.
const REQUEST_COUNT: usize = 10;

#[tokio::test]
async fn neighbor_is_served_during_every_attack() -> Result<()> {
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, ATTACK_SETTINGS).await?;
    let operator = hearth.operator().await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let address = AttackingAddress::new(&hearth, ATTACKER_ADDRESS)?;
    let neighbor = NeighborTool::create(&hearth, &operator, 1).await?;
    let tool = AttackingTool::create(&hearth, &operator, address).await?;
    let mut attacks = Vec::new();
    for attack in Attack::list_all() {
        let running = match Attack::BY_TOOL.contains(&attack) {
            true => tool.begin(attack).await?,
            false => address.begin(attack, NeighborTool::OWNER_NAME).await?,
        };
        for _ in 0..REQUEST_COUNT {
            neighbor.visit_page().await?;
            neighbor.list_jobs().await?;
        }
        attacks.push(running);
    }
    // All attacks go on together.
    neighbor.wait_for_due_run().await?;
    neighbor.visit_page().await?;
    drop(attacks);
    tool.stop().await?;
    neighbor.stop().await?;
    hearth.stop().await
}

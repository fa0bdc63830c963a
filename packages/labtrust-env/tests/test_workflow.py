"""The index actions alone are enough to run the laboratory."""


def test_a_greedy_crew_releases_specimens_through_indices_only(make_session, greedy):
    session = make_session(horizon_s=7_200, seed=1)
    while not session.done:
        session.step(greedy(session))
    counts = session.engine.query("specimen_counts")
    assert counts["released"] >= 20


def test_a_greedy_crew_with_a_second_site_releases_what_came_by_road(make_session, greedy):
    session = make_session("multi_site", horizon_s=14_400, seed=1)
    while not session.done:
        session.step(greedy(session))
    released = {
        item.specimen_id
        for item in session.ctx.world.specimens.values()
        if item.status == "released"
    }
    assert any(item.startswith("S_acute_") for item in released)


def test_every_panel_gets_through(make_session, greedy):
    session = make_session(horizon_s=14_400, seed=2)
    while not session.done:
        session.step(greedy(session))
    world = session.ctx.world
    panels = {item.panel_id for item in world.specimens.values() if item.status == "released"}
    assert panels == {"BIOCHEM_PANEL_CORE", "HAEM_PANEL_CORE", "COAG_PANEL_CORE"}


def test_members_of_the_greedy_crew_are_hardly_ever_refused(make_session, greedy):
    session = make_session(horizon_s=7_200, seed=3)
    sent = refused = 0
    while not session.done:
        session.step(greedy(session))
        sent += len(session.outcomes)
        refused += sum(not item.accepted for item in session.outcomes.values())
    assert sent > 500
    assert refused < sent / 20

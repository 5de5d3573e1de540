"""An article's sentences told together: who says it, how many, where, each from where it stands."""

from __future__ import annotations

import msgspec
import pytest
from test_understand import catalog, read

from streams.records import Report
from streams.understand import understand


def only(title: str, body: str = "", **more: str) -> Report:
    (report,) = read(title, body, **more).report_set.reports
    return report


def test_the_title_names_the_authority_of_what_the_lead_dates() -> None:
    found = only(
        "Drohnen über Hamburger Flughafen - Bundespolizei bestätigt Sichtungen",
        "Wegen mehrerer Drohnen ist der Betrieb am Hamburger Flughafen am Sonntagabend "
        "eingestellt worden. Viele Maschinen wichen nach Bremen aus.",
    )
    assert (found.official, found.status_hint) == ("DE", "confirmed")
    assert found.happened.precision == "day"


def test_how_many_came_and_how_many_were_shot_down_stay_apart() -> None:
    found = only(
        "Polen zählt 14 Drohnen im eigenen Luftraum, drei abgeschossen",
        "Das teilte die Regierung in Warschau mit.",
    )
    assert (found.action, found.object.count_high, found.object.is_part) == ("shot_down", 14, False)
    found = only("Polen schießt drei russische Drohnen ab")
    assert (found.object.count_high, found.object.is_part) == (3, True)


def test_violations_by_drones_are_counted() -> None:
    found = only(
        "Premier: 14 naruszeń przestrzeni przez drony, zestrzelono dwa",
        "Premier powiedział, że w nocy nad Polskę wleciały rosyjskie drony.",
    )
    assert found.object.count_high == 14


@pytest.mark.parametrize(
    "title",
    [
        "Bewohner sehen zwischen 19.30 und 21.30 Uhr Drohnen über dem Fliegerhorst Nörvenich",
        "Drones boven vliegbasis Volkel tussen 19.30 en 21.30 uur drones gezien",
    ],
)
def test_the_clock_counts_nothing(title: str) -> None:
    assert only(title).object.count_high is None


def test_how_many_came_to_two_states_is_not_how_many_came_to_either() -> None:
    found = read("12 drones crossed into Poland and Lithuania on Sunday night").report_set.reports
    assert {r.territory.country for r in found} == {"PL", "LT"}
    assert {r.object.count_high for r in found} == {None}


def test_a_place_on_the_map_is_no_authority() -> None:
    found = only("Rejsende: Kastrup lukket – droner over lufthavnen")
    assert (found.territory.country, found.official) == ("DK", None)


def test_an_authority_that_a_place_houses_says_nothing() -> None:
    found = only(
        "Des drones ont survolé la base aérienne de Creil dimanche soir",
        "Selon nos informations, plusieurs engins ont été aperçus au-dessus de la base, "
        "qui abrite le renseignement militaire.",
    )
    assert found.official is None


def test_a_bare_authority_abroad_is_that_of_the_papers_own_state() -> None:
    feeds = catalog().feed_countries
    feed = next(name for name, country in sorted(feeds.items()) if country == "UA")
    title = "Російський безпілотник залетів у Польщу в районі Влодави – Повітряні сили"
    article = msgspec.structs.replace(read(title).article, feed=feed)
    (report,) = understand(article, catalog()).report_set.reports
    assert (report.territory.country, report.official) == ("PL", None)


@pytest.mark.parametrize(
    ("title", "day"),
    [
        ("Dron wleciał nad Polskę w nocy z wtorku na środę", "2025-09-10"),
        ("Un drone est entré en Roumanie dans la nuit de mardi à mercredi", "2025-09-10"),
        ("Drohne flog in der Nacht von Montag auf Dienstag nach Polen", "2025-09-09"),
    ],
)
def test_the_night_from_one_day_to_the_next_is_one_date(title: str, day: str) -> None:
    assert only(title, published="2025-09-11").happened.end.date().isoformat() == day


def test_the_next_clause_names_the_place() -> None:
    found = only("O dronă a intrat în spațiul aerian al României, în zona Chilia Veche")
    assert found.territory.place == "ro-chilia-veche"


def test_where_flights_came_from_is_not_where_it_was() -> None:
    found = only(
        "Lituanie : l'aéroport de Vilnius fermé à cause de ballons",
        "L'aéroport a été fermé dimanche soir. Les vols en provenance de Paris, Copenhague et "
        "Varsovie ont été déroutés à cause de ballons.",
    )
    assert found.territory.country == "LT"


def test_whose_stray_drone_it_was_is_not_where_it_came_down() -> None:
    found = only(
        "Kaitseminister: Mehikoormas alla kukkunud droon oli Ukraina oma ja eksis kursilt",
        "Ministri sõnul kandus droon Eesti õhuruumi.",
    )
    assert (found.territory.country, found.actor) == ("EE", "ukraine_stray")


def test_wires_are_no_village() -> None:
    body = "Obok leżały resztki przewodów. Wojsko zbada szczątki drona."
    found = read("Szczątki drona znaleziono w lesie pod Zamościem", body).report_set.reports
    assert [r.territory.place for r in found] == ["pl-zamosc"]


def test_what_a_film_shows_did_not_happen() -> None:
    found = read(
        "« Incursion », le film qui fait décoller le box-office",
        "Un chasseur russe, un pilote polonais, une passagère : un million d'entrées.",
    )
    assert not found.report_set.reports


def test_reports_of_drones_are_no_drones() -> None:
    found = only("Luftrommet over Oslo lufthavn stengt etter to meldinger om droner")
    assert found.object.count_high is None


def test_who_searches_for_the_ship_looks_back() -> None:
    found = only(
        "Efterforskere leder efter skib, der kan have sendt dronerne over Kastrup i luften"
    )
    assert found.follow_up and found.freshness == "undated"


def test_an_agency_is_credited_in_capitals() -> None:
    body = "Maszyna spadła na pole pod Zamościem – podała policja. (PAP)"
    assert only("Dron wleciał nad Polskę i spadł pod Zamościem", body).agency == "pap"


def test_the_states_own_missile_is_no_incursion() -> None:
    found = read(
        "Prokuratura: dom w Hańsku trafiony odłamkiem rakiety, nie dronem",
        "Śledczy badający środowe wtargnięcie rosyjskich dronów mówią o fragmencie pocisku "
        "z polskiego myśliwca.",
        published="2025-09-12",
    )
    assert [r.object.what for r in found.report_set.reports] == ["drone"]


def test_a_helicopter_of_the_neighbours_air_force_is_its_own() -> None:
    title = "Госпогранкомитет: польский вертолет нарушил границу Беларуси"
    lead = "Ми-24 польских ВВС пересек линию границы у Беловежской пущи, утверждает ведомство."
    assert not read(title, lead).report_set.reports


def test_how_far_a_state_is_from_it_is_not_where_it_was() -> None:
    title = "Атака на Рені: пошкоджено порт за сотні метрів від Румунії"
    assert not read(title, "Над Дунаєм збили чотирнадцять «шахедів».").report_set.reports


@pytest.mark.parametrize(
    ("title", "count"),
    [
        (
            "Virš Vilniaus oro uosto fiksuojama ne mažiau kaip 12 iš Baltarusijos įskridusių balionų",
            12,
        ),
        ("Vilnius airport closed by no fewer than 12 balloons from Belarus", 12),
    ],
)
def test_at_least_so_many_is_a_number_and_no_denial(title: str, count: int) -> None:
    assert only(title).object.count_high == count


def test_lights_of_a_boat_are_a_false_alarm() -> None:
    title = "Politiet: Ingen drone ved Sola – lysene kom fra en fiskebåt"
    found = only(title, declared_language="nb")
    assert (found.status_hint, found.attach_only) == ("false_alarm", True)


def test_closed_border_crossings_stop_no_flight() -> None:
    found = only(
        "Lithuania closes two Belarus crossings after Sunday's balloons halt Vilnius flights"
    )
    assert (found.territory.country, found.actor, found.happened.precision) == ("LT", None, "day")


def test_a_destroyed_charge_is_no_drone_shot_down() -> None:
    found = only(
        "Ministras: Gaižiūnuose rastas dronas – rusiška „Gerbera“ su sprogmenimis",
        "Sprogmuo sunaikintas vietoje.",
    )
    assert (found.action, found.actor) == ("found", "russia")


def test_a_list_shares_its_preposition() -> None:
    found = read("Лондон викликав посла РФ через дрони над Польщею та Румунією").report_set.reports
    assert {r.territory.country for r in found} == {"PL", "RO"}


def test_where_flights_are_diverted_to_is_not_where_it_was() -> None:
    found = only(
        "Keleiviai pasakoja, kad lėktuvai nukreipiami į Kauną ir Rygą, "
        "nes virš Vilniaus oro uosto skrenda kontrabandiniai balionai"
    )
    assert found.territory.place == "lt-vilnius-airport"


@pytest.mark.parametrize(
    ("title", "action"),
    [
        ("Dutch troops opened fire on drones over Volkel air base", "fired"),
        ("Het leger opende het vuur op een drone boven vliegbasis Volkel", "fired"),
        ("Dutch troops shot down a drone over Volkel air base", "shot_down"),
        ("Polish jets opened fire and shot down a Russian drone over Poland", "shot_down"),
    ],
)
def test_shot_at_is_not_shot_down(title: str, action: str) -> None:
    assert only(title).action == action


@pytest.mark.parametrize(
    "title",
    [
        "Policja: obiekt spod Terespola to balon meteorologiczny, nie dron",
        "Dron spod Terespola okazał się balonem meteorologicznym, podała policja",
    ],
)
def test_an_authority_that_names_an_innocent_cause_withdraws_at_the_place_it_names(
    title: str,
) -> None:
    found = only(title, published="2026-05-07")
    assert found.attach_only and found.status_hint == "false_alarm"
    assert (found.official, found.territory.country) == ("PL", "PL")
    assert found.territory.place == "pl-terespol"

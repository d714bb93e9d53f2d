"""How panels look, said once: colours, units, variables, placement.

Colours are those of Okabe and Ito, which differ for every kind of colour
vision; whatever has a colour has a name or a number beside it.
"""

import copy

from grafana_foundation_sdk.builders import (
    bargauge,
    common as commons,
    dashboard as boards,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common, dashboard as models

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILION, PURPLE, GREY = "#E69F00", "#D55E00", "#CC79A7", "#999999"
# A lane keeps its colour on every panel: by the last digit of its name.
DIGITS = [GREY, BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, "#004D78", "#8A5F00"]
WORDS = {
    "release": BLUE,
    "inspect": ORANGE,
    "hold": PURPLE,
    "none": GREY,
    "accepted": BLUE,
    "refused": ORANGE,
    "p50": SKY,
    "p95": BLUE,
    "p99": VERMILION,
    "gathering": SKY,
    "committing": GREY,
    "held": PURPLE,
    "cleared": GREEN,
    "passing": BLUE,
    "lowering": YELLOW,
    "returning": VERMILION,
    "diverting": ORANGE,
}
# Well, look at it, bad.
GOOD_BAD = (BLUE, ORANGE, VERMILION)

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
PORT = 'port=~"$port"'
CONTROLLER = PORT + ',controller=~"$controller"'
# "other" is what nobody configured: it stands for mistakes and is no lane.
LANE = CONTROLLER + ',lane=~"$lane",lane!="other"'


def steps(*values):
    """Thresholds: well below the first value, bad from the last on."""
    return thresholds(zip((None, *values), GOOD_BAD if len(values) == 2 else GOOD_BAD[::2]))


def at_least(value):
    """Bad below the value."""
    return thresholds([(None, VERMILION), (value, BLUE)])


def never():
    """Nothing here is bad by itself."""
    return thresholds([(None, BLUE)])


def thresholds(pairs):
    made = [models.Threshold(value=value, color=color) for value, color in pairs]
    return boards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def query(ref, expr, legend, instant=False, as_table=False):
    made = prometheus.Dataquery().ref_id(ref).expr(expr).legend_format(legend)
    made = made.instant() if instant else made.range()
    return made.format(prometheus_format("table")) if as_table else made


def prometheus_format(word):
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

    return PromQueryFormat(word)


def panel(kind, title, says, unit, limits, queries):
    """What every panel has; queries are (expression, legend)."""
    made = kind.Panel().title(title).description(says).unit(unit).thresholds(limits)
    made = made.datasource(SOURCE)
    instant = kind in (stat, bargauge, table)
    for n, (expr, legend) in enumerate(queries):
        ref = chr(ord("A") + n)
        made = made.with_target(query(ref, expr, legend, instant, kind is table))
    return made


def colours(made):
    """The same word and the same lane have the same colour everywhere."""
    overrides = [(models.MatcherConfig(id_val="byName", options=w), c) for w, c in WORDS.items()]
    overrides += [
        (models.MatcherConfig(id_val="byRegexp", options=f"/{n}$/"), c)
        for n, c in enumerate(DIGITS)
    ]
    for matcher, color in overrides:
        value = {"mode": "fixed", "fixedColor": color}
        made = made.with_override(matcher, [models.DynamicConfigValue(id_val="color", value=value)])
    return made


def number(title, says, unit, limits, expr, decimals=0):
    made = panel(stat, title, says, unit, limits, [(expr, title)]).decimals(decimals)
    return made.color_mode(common.BigValueColorMode.BACKGROUND_SOLID).graph_mode(
        common.BigValueGraphMode.NONE
    )


def lines(title, says, unit, limits, queries, stacked=False, top=None):
    made = colours(panel(timeseries, title, says, unit, limits, queries)).min(0)
    legend = commons.VizLegendOptions().show_legend(True)
    legend = legend.display_mode(common.LegendDisplayMode.LIST)
    made = made.legend(legend.placement(common.LegendPlacement.BOTTOM)).line_width(2)
    if stacked:
        made = made.stacking(commons.StackingConfig().mode(common.StackingMode.NORMAL))
        made = made.fill_opacity(60)
    return made if top is None else made.max(top)


def bars(title, says, unit, limits, expr, legend):
    made = panel(bargauge, title, says, unit, limits, [(expr, legend)])
    return made.orientation(common.VizOrientation.HORIZONTAL).min(0)


def rows(title, says, unit, limits, expr):
    return panel(table, title, says, unit, limits, [(expr, "")])


def states(title, says, words, expr, legend):
    """A line of states in time; words: number -> (name, colour)."""
    limits = thresholds([(None, GREY)])
    made = panel(statetimeline, title, says, "none", limits, [(expr, legend)])
    shown = {
        str(n): models.ValueMappingResult(text=text, color=color, index=n)
        for n, (text, color) in words.items()
    }
    mapping = models.ValueMap(options=shown)
    return made.mappings([mapping]).show_value(common.VisibilityMode.AUTO).fill_opacity(80)


# The numbers of recording rule lanegate:lane_state:code.
LANE_STATES = {
    1: ("starting", GREY),
    2: ("securing", YELLOW),
    3: ("vacant", SKY),
    4: ("gathering", BLUE),
    5: ("committing", BLUE),
    6: ("cleared", GREEN),
    7: ("passing", GREEN),
    8: ("lowering", GREEN),
    9: ("held", PURPLE),
    10: ("returning", PURPLE),
    11: ("diverting", ORANGE),
    12: ("arm up", VERMILION),
    13: ("closed", GREY),
    14: ("faulted", VERMILION),
}
DEVICE_STATES = {0: ("well", SKY), 1: ("late", ORANGE), 2: ("lost", VERMILION)}
YES_NO = {0: ("no", VERMILION), 1: ("yes", SKY)}


def variable(name, label, expr, several=True):
    made = boards.QueryVariable(name).label(label).query(expr).datasource(SOURCE)
    made = made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    made = made.sort(models.VariableSort.ALPHABETICAL_ASC)
    return made.multi(True).include_all(True).all_value(".*") if several else made


def board(uid, title, says, rows_of_panels, back="1h"):
    """rows_of_panels: (height, [panels]); panels of a row share its width."""
    made = boards.Dashboard(title).uid(uid).description(says).tags(["lanegate"])
    made = made.time(f"now-{back}", "now").refresh("10s").readonly().timezone("browser")
    made = made.tooltip(models.DashboardCursorSync.CROSSHAIR)
    made = made.with_variable(boards.DatasourceVariable("datasource").type("prometheus"))
    made = made.with_variable(
        variable("port", "Port", "label_values(lanegate_build_info, port)")
    )
    made = made.with_variable(
        variable(
            "controller",
            "Controller",
            f"label_values(lanegate_build_info{{{PORT}}}, controller)",
        )
    )
    made = made.with_variable(
        variable("lane", "Lane", f"label_values(lanegate_device_info{{{CONTROLLER}}}, lane)")
    )
    n, y = 0, 0
    for height, panels in rows_of_panels:
        width = 24 // len(panels)
        for place, each in enumerate(panels):
            # A panel may stand on several boards, in a place of its own on each.
            each = copy.deepcopy(each)
            n += 1
            at = models.GridPos(h=height, w=width, x=place * width, y=y)
            made = made.with_panel(each.id(n).grid_pos(at))
        y += height
    return made

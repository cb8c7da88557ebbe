# Vivado's reports as JSON; sourced by the scripts that run Vivado.
#
# Utilisation and power are read from the report files, by the names of rows and columns, since the
# columns differ between versions. Slacks are properties of the worst timing paths.

namespace eval reports {}

# Contents of a file.
proc reports::contents {name} {
    set channel [open $name r]
    set text [read $channel]
    close $channel
    return $text
}

# The cells of a table's line, or an empty list.
proc reports::cells {line} {
    set line [string trim $line]
    if {[string index $line 0] ne "|"} {
        return {}
    }
    set cells {}
    foreach cell [lrange [split $line "|"] 1 end-1] {
        lappend cells [string trim $cell]
    }
    return $cells
}

# A number as JSON; "" is null. Reports write "<0.01" for small ones.
proc reports::number {text} {
    set text [string map {"," "" "<" ""} [string trim $text]]
    if {$text eq ""} {
        return null
    }
    if {![regexp {^-?[0-9]+(\.[0-9]*)?$} $text]} {
        error "not a number in a report: $text"
    }
    return [string trimright $text "."]
}

# A string as JSON.
proc reports::text {value} {
    return "\"[string map {\\ \\\\ \" \\\" \n \\n \t \\t} $value]\""
}

# {used, available} of the first row of a utilisation report with one of these labels. The tables
# have a column "Site Type"; a label may carry a star for a footnote.
proc reports::utilization_row {text labels} {
    foreach line [split $text "\n"] {
        set cells [reports::cells $line]
        if {[lindex $cells 0] eq "Site Type"} {
            set used [lsearch -exact $cells Used]
            set available [lsearch -exact $cells Available]
        } elseif {[string trimright [lindex $cells 0] "*"] in $labels} {
            if {![info exists used] || $used < 0 || $available < 0} {
                error "no columns Used and Available above row [lindex $cells 0]"
            }
            return [list [lindex $cells $used] [lindex $cells $available]]
        }
    }
    error "the utilisation report has no row [join $labels { or }]"
}

# The utilisation as a JSON object.
proc reports::utilization {name} {
    set text [reports::contents $name]
    set rows {
        lut {"Slice LUTs" "CLB LUTs"}
        lutram {"LUT as Memory"}
        ff {"Slice Registers" "CLB Registers"}
        bram36 {"Block RAM Tile"}
        dsp {"DSPs" "DSP Slices"}
    }
    set members {}
    foreach {key labels} $rows {
        lassign [reports::utilization_row $text $labels] used available
        set used [reports::number $used]
        set available [reports::number $available]
        set percent [expr {$available > 0 ? 100.0 * $used / $available : 0.0}]
        lappend members [format {    "%s": {"used": %s, "available": %s, "percent": %.2f}} \
            $key $used $available $percent]
    }
    return "{\n[join $members ",\n"]\n  }"
}

# Slack of the worst path in ns, "" without one. delay_type: max for setup, min for hold.
proc reports::slack {delay_type} {
    set paths [get_timing_paths -delay_type $delay_type -max_paths 1 -nworst 1]
    if {[llength $paths] == 0} {
        return ""
    }
    return [get_property SLACK [lindex $paths 0]]
}

# Period of the clock of that name, slacks and the frequency that the worst setup path allows, as a JSON object. Hold counts
# for "met" only once the clock is routed.
proc reports::timing {stage clock} {
    set period [get_property PERIOD [get_clocks $clock]]
    set setup [reports::slack max]
    set hold [reports::slack min]
    set reached null
    set met null
    if {$setup ne ""} {
        set reached [format %.1f [expr {1000.0 / ($period - $setup)}]]
        set good [expr {$setup >= 0 && ($stage eq "synthesis" || $hold eq "" || $hold >= 0)}]
        set met [expr {$good ? "true" : "false"}]
    }
    return "{\"clock_period_ns\": [reports::number $period],\
\"setup_slack_ns\": [reports::number $setup], \"hold_slack_ns\": [reports::number $hold],\
\"reached_mhz\": $reached, \"met\": $met}"
}

# Total, dynamic and static power as a JSON object; null without a report.
proc reports::power {name} {
    if {$name eq ""} {
        return null
    }
    set text [reports::contents $name]
    set members {}
    foreach {key label} {
        total_w "Total On-Chip Power" dynamic_w "Dynamic" static_w "Device Static"
    } {
        if {![regexp "\\|\\s*$label \\(W\\)\\s*\\|\\s*<?(\[0-9.\]+)" $text all value]} {
            error "the power report has no row $label (W)"
        }
        lappend members "\"$key\": [reports::number $value]"
    }
    return "{[join $members {, }]}"
}

# Write the JSON file `name`. stage: synthesis or implementation. power: report file or "". clock: the one that is reported.
proc reports::write {name stage top part digest utilization power {clock clk}} {
    set members [list \
        "\"stage\": [reports::text $stage]" \
        "\"tool\": [reports::text "Vivado [version -short]"]" \
        "\"top\": [reports::text $top]" \
        "\"part\": [reports::text $part]" \
        "\"design_digest\": [reports::text $digest]" \
        "\"utilisation\": [reports::utilization $utilization]" \
        "\"timing\": [reports::timing $stage $clock]" \
        "\"power\": [reports::power $power]"]
    set channel [open $name w]
    puts $channel "{\n  [join $members ",\n  "]\n}"
    close $channel
}

# The outputs of the action, from report.json.
(.clients // [.]) as $clients
| {
    passed: [$clients[].counts.passed] | add,
    failed: [$clients[].counts.failed] | add,
    new: [$clients[].scenarios[].checks[] | select(.standing == "counted" or (has("standing") | not) and (.verdict | IN("fail", "not_reached")))] | length,
    stale: [$clients[] | if has("stale") then .stale | length else .counts.stale_entries end] | add
  }
| to_entries[]
| "\(.key)=\(.value)"

# The outputs of the action, from report.json.
{
    passed: [.clients[].counts.passed] | add,
    failed: [.clients[].counts.failed] | add,
    new: [.clients[].scenarios[].checks[] | select(.standing == "failure" or .standing == "warning")] | length,
    stale: [.clients[].stale[]] | length
}
| to_entries[]
| "\(.key)=\(.value)"

using Delos.Protocol.Chains;

namespace Delos.Tests.Simulation;

/// <summary>What a run is made of besides its seed; <see cref="SimShrinker"/> makes it smaller.</summary>
internal sealed record SimPlan
{
    /// <summary>Virtual time under faults.</summary>
    public long Milliseconds { get; init; } = 1_500;

    /// <summary>Null: drawn from the seed.</summary>
    public IReadOnlyList<SimFault>? Faults { get; init; }

    /// <summary>At most so many clients for each log.</summary>
    public int ClientsPerLog { get; init; } = 4;

    /// <summary>At most so many logs.</summary>
    public int Logs { get; init; } = 2;

    /// <summary>By which each log begins, in turn; null: drawn from the seed.</summary>
    public IReadOnlyList<LogPolicy>? Policies { get; init; }

    /// <summary>At most so many appends of each client before all is healed.</summary>
    public long Appends { get; init; } = long.MaxValue;

    /// <summary>Three nodes, one log, no operation and no fault but the script's.</summary>
    public bool IsScripted { get; init; }

    /// <summary>Null: drawn from the seed, and none in a script.</summary>
    public bool? HasMonitors { get; init; }

    /// <summary>The clients of the one log are replicas of tables (<see cref="SimTables"/>), and applications use these.</summary>
    public bool HasTables { get; init; }

    /// <summary>Tells every operation; the run is the same.</summary>
    public bool IsDetailed { get; init; }

    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Milliseconds} ms, {Faults?.Count} faults, at most {Logs} logs, {ClientsPerLog} clients for each{(Appends == long.MaxValue ? "" : $", {Appends} appends of each client")}");
}

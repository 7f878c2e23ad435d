using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Monitoring;

/// <summary>What the watches of all logs share.</summary>
internal sealed record MonitorParts(
    uint NodeId, ChainStore Chains, NodeDirectory Nodes, Placement Placement, Reconfigurer Reconfigurer, ReconfigurationQueue Queue, MonitorOptions Options, TimeProvider TimeProvider, ILogger Logger);

namespace Delos.Daemon.Node;

/// <summary>What a node does when it has no memory left: it may come anywhere, also between two changes of a core that belong together, and whoever went on might acknowledge what it does not hold.</summary>
internal static class LackOfMemory
{
    public static void EndProcess(OutOfMemoryException reason) => Environment.FailFast("delosd is out of memory. Give it more, or lower limits.window_bytes, in_flight_bytes and queued_bytes.", reason);
}

namespace Delos.Daemon.Storage;

/// <summary>Hears about a log's durability. Calls come on the disk's one I/O thread: never block, never throw.</summary>
public interface ISegmentLogListener
{
    /// <summary>Everything appended with an end address up to <paramref name="durableAddress"/> is durable. Addresses only rise.</summary>
    void OnDurable(SegmentLog log, long durableAddress);

    /// <summary>The disk failed: nothing more will become durable. Once.</summary>
    void OnFailed(Exception reason);
}

using FASTER.core;

namespace Delos.Daemon.Storage;

/// <summary>FasterLog's commit metadata is not needed: recovery scans the records themselves and never opens a FasterLog again (see <see cref="RecordLog"/>).</summary>
internal sealed class NoCommitFiles : ILogCommitManager
{
    public static NoCommitFiles Instance { get; } = new();

    public void Commit(long beginAddress, long untilAddress, byte[] commitMetadata, long commitNum, bool forceWriteMetadata)
    {
    }

    public byte[] GetCommitMetadata(long commitNum) => [];

    public IEnumerable<long> ListCommits() => [];

    public void RemoveCommit(long commitNum)
    {
    }

    public void RemoveAllCommits()
    {
    }

    public void OnRecovery(long commitNum)
    {
    }

    public void Dispose()
    {
    }
}

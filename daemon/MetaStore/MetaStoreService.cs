using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.MetaStore;

/// <summary>
/// A node's MetaStore role: frames into <see cref="AcceptorCore"/>, its new state into a <see cref="Journal"/>, the answer out once everything that it shows is durable. Thread-safe.
/// </summary>
/// <remarks>
/// An answer waits for the address of its register's last record, also where it only reads: a value that is not durable yet could be forgotten, and must not be counted by anybody
/// (AMNESIA in metastore.pml). All that came in during one commit shares the next.
/// </remarks>
internal sealed class MetaStoreService : IFrameHandler, IAsyncDisposable
{
    /// <summary>Of the journal's records; what they hold says their own first byte.</summary>
    private const byte JournalKind = 1;

    private readonly ILogger _logger;
    private readonly AcceptorCore _core;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _lastAddress = new(StringComparer.Ordinal);
    private readonly DurableReplies _replies = new();
    private readonly Journal _journal;
    private long _newestAddress;
    private Task? _rewrite;
    private bool _disposed;

    private MetaStoreService(string directory, GroupCommit group, AcceptorLimits limits, ILogger logger)
    {
        _logger = logger;
        _core = new AcceptorCore(limits);
        _journal = Journal.Open(directory, group, Replay);
        _journal.Durable += _replies.OnDurable;
        logger.MetaStoreOpened(_core.Registers.Count, directory);
    }

    /// <summary>Registers that this acceptor holds something of.</summary>
    public int RegisterCount
    {
        get
        {
            lock (_lock) return _core.Registers.Count;
        }
    }

    /// <summary>Opens or creates the acceptor's state in a directory of its own.</summary>
    /// <exception cref="StorageCorruptException">Its journal is damaged. Promises cannot be guessed: the node must be replaced as an acceptor.</exception>
    /// <exception cref="InvalidDataException">Its journal holds records that this version does not understand.</exception>
    public static MetaStoreService Open(string directory, GroupCommit group, AcceptorLimits limits, ILogger logger) => new(directory, group, limits, logger);

    /// <summary>MetaPrepare, MetaAccept, MetaRead or MetaList; others are ignored.</summary>
    public void OnFrame(Connection connection, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.MetaPrepare when frame.TryRead<MetaPrepare>(out var prepare):
                OnPrepare(connection, prepare, frame.CorrelationId);
                break;
            case FrameType.MetaAccept when frame.TryRead<MetaAccept>(out var accept):
                OnAccept(connection, accept, frame.CorrelationId);
                break;
            case FrameType.MetaRead when frame.TryRead<MetaRead>(out var read):
                lock (_lock) Answer(connection, _core.Read(read), frame.CorrelationId, _lastAddress.GetValueOrDefault(read.Register));
                break;
            case FrameType.MetaList when frame.TryRead<MetaList>(out var list):
                lock (_lock) Answer(connection, _core.List(list), frame.CorrelationId, _newestAddress);
                break;
            case FrameType.MetaPrepare or FrameType.MetaAccept or FrameType.MetaRead or FrameType.MetaList:
                connection.ReplyError(StatusCode.Malformed, $"The {frame.Type} frame's metadata are not such a message.", frame.CorrelationId);
                break;
        }
    }

    /// <summary>Nothing to do: answers that need no disk were enqueued, and the read loop flushes its own connection.</summary>
    public void OnBatchEnd(Connection connection)
    {
    }

    /// <summary>Nothing to do: answers to a closed connection are dropped by it.</summary>
    public void OnClosed(Connection connection, Exception? reason)
    {
    }

    public async ValueTask DisposeAsync()
    {
        Task? rewrite;
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            rewrite = _rewrite;
        }

        if (rewrite is not null) await rewrite.ConfigureAwait(false);
        await _journal.DisposeAsync().ConfigureAwait(false);
        _journal.Durable -= _replies.OnDurable;
    }

    private void OnPrepare(Connection connection, in MetaPrepare prepare, ulong correlationId)
    {
        lock (_lock)
        {
            var reply = _core.Prepare(prepare, out var next);
            if (next is not null && !TryPersist(connection, next, correlationId)) return;
            Answer(connection, reply, correlationId, _lastAddress.GetValueOrDefault(prepare.Register));
        }
    }

    private void OnAccept(Connection connection, in MetaAccept accept, ulong correlationId)
    {
        lock (_lock)
        {
            var reply = _core.Accept(accept, out var next);
            if (next is not null && !TryPersist(connection, next, correlationId)) return;
            Answer(connection, reply, correlationId, _lastAddress.GetValueOrDefault(accept.Register));
        }
    }

    private bool TryPersist(Connection connection, AcceptorRegister next, ulong correlationId)
    {
        if (_disposed)
        {
            connection.ReplyError(StatusCode.Unavailable, "The node is shutting down.", correlationId);
            return false;
        }

        // The reserve is for what lets a cluster whose disks are full get out of it: chains are among that.
        var status = _journal.TryAppend(JournalKind, AcceptorRecord.Encode(_core.Find(next.Name), next), useReserve: true, out var address);
        switch (status)
        {
            case AppendStatus.Ok:
                _core.Apply(next);
                _lastAddress[next.Name] = _newestAddress = address;
                if (_journal.WantsRewrite && _rewrite is null or { IsCompleted: true }) _rewrite = RewriteAsync();
                return true;
            case AppendStatus.NoSpace:
                connection.ReplyError(StatusCode.DiskFull, "The MetaStore's disk is full.", correlationId);
                return false;
            case AppendStatus.TooLarge:
                connection.ReplyError(StatusCode.LimitExceeded, "The value is larger than a journal record.", correlationId);
                return false;
            case AppendStatus.Failed:
                connection.ReplyError(StatusCode.IoError, "The MetaStore's disk failed.", correlationId);
                return false;
            default:
                connection.ReplyError(StatusCode.Unavailable, $"The MetaStore cannot write now ({status}).", correlationId);
                return false;
        }
    }

    private void Answer<T>(Connection connection, in T reply, ulong correlationId, long address)
        where T : struct, IMessage<T>
    {
        if (address <= _journal.DurableAddress)
        {
            connection.Reply(reply, correlationId);
            return;
        }

        _replies.Add(address, connection, reply, correlationId);

        // It may have become durable between the two lines above, and then nobody would come back for it.
        _replies.OnDurable(_journal.DurableAddress);
    }

    /// <summary>Off the read loops. Requests wait for the lock meanwhile; a rewrite takes milliseconds, once in megabytes of chain versions.</summary>
    private async Task RewriteAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            lock (_lock)
            {
                _journal.Rewrite(_core.Registers.Select(r => new JournalRecord(JournalKind, AcceptorRecord.Encode(former: null, r))));
            }

            // The snapshot made durable what answers still waited for.
            _replies.OnDurable(_journal.DurableAddress);
        }
        catch (IoException e)
        {
            // Without space the old journal goes on; any other error has failed the disk, and the host ends the process.
            _logger.MetaStoreRewriteFailed(e);
        }
    }

    private void Replay(JournalRecord record) => _core.Apply(
        AcceptorRecord.Decode(record.Payload.Span, _core.Find)
        ?? throw new InvalidDataException("The MetaStore's journal holds a record that this version of Delos does not understand."));
}

using System.Collections.Concurrent;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>
/// Takes the frames that are no replies to requests, from all connections of a client's PeerPool, to the Loglets of this process: AppendReply by Loglet and client id,
/// Entries by correlation id, errors by correlation id. A daemon's own router may pass such frames on to one of these.
/// </summary>
public sealed class LogletFrameRouter : IFrameHandler
{
    private readonly ConcurrentDictionary<(LogletId Loglet, ulong ClientId), SequencerLink> _appenders = new();
    private readonly ConcurrentDictionary<ulong, IFrameTarget> _targets = new();
    private long _lastId;

    public void OnFrame(Connection connection, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.AppendReply:
                if (!frame.TryRead<AppendReply>(out var reply)) throw Malformed(frame);

                // An answer for a Loglet object that was closed meanwhile is nobody's.
                if (_appenders.TryGetValue((reply.Loglet, reply.ClientId), out var link)) link.OnReply(connection, reply);
                break;
            case FrameType.Entries:
                if (!frame.TryRead<Entries>(out var entries)) throw Malformed(frame);
                if (_targets.TryGetValue(frame.CorrelationId, out var target)) target.OnEntries(connection, entries, frame);
                break;
            case FrameType.Error:
                if (!frame.TryRead<Error>(out var error)) throw Malformed(frame);
                if (_targets.TryGetValue(frame.CorrelationId, out target)) target.OnError(connection, error);
                break;
            default:
                break;
        }
    }

    public void OnBatchEnd(Connection connection)
    {
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
        foreach (var target in _targets.Values) target.OnClosed(connection);
    }

    /// <summary>Registers a target; its id is the correlation id of its frames. Bit 63 stays clear: those ids are the connections' own.</summary>
    internal ulong Add(IFrameTarget target)
    {
        var id = (ulong)Interlocked.Increment(ref _lastId);
        _targets[id] = target;
        return id;
    }

    internal void Remove(ulong id) => _targets.TryRemove(id, out _);

    internal void AddAppender(LogletId loglet, ulong clientId, SequencerLink link)
    {
        if (!_appenders.TryAdd((loglet, clientId), link)) throw new InvalidOperationException($"Client {clientId:x16} appends to Loglet {loglet} through another object already.");
    }

    internal void RemoveAppender(LogletId loglet, ulong clientId, SequencerLink link) => _appenders.TryRemove(new KeyValuePair<(LogletId, ulong), SequencerLink>((loglet, clientId), link));

    private static DelosProtocolException Malformed(in Frame frame) => new(StatusCode.Malformed, $"A {frame.Type} frame makes no sense.");
}

/// <summary>Something of a Loglet that frames are sent to. Called on connections' read loops; must not block.</summary>
internal interface IFrameTarget
{
    void OnEntries(Connection connection, in Entries entries, in Frame frame);

    void OnError(Connection connection, in Error error);

    void OnClosed(Connection connection);
}

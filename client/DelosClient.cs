using Delos.Client.Admin;
using Delos.Client.MetaStore;

namespace Delos.Client;

/// <summary>The door to one cluster: connections, the cached chains, and the logs. Thread-safe; make one per process.</summary>
public sealed class DelosClient : IAsyncDisposable
{
    /// <summary>Longest name of a log, characters.</summary>
    public const int MaxLogName = 200;

    private readonly ClientParts _parts;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DelosLog> _logs = new(StringComparer.Ordinal);
    private bool _disposed;

    internal DelosClient(ClientParts parts, IReadOnlyList<(string Host, int Port)> seeds)
    {
        _parts = parts;
        _parts.Forget = Forget;
        Seeds = seeds;
        Admin = new DelosAdmin(parts);
    }

    public DelosClientOptions Options => _parts.Options;

    public IReadOnlyList<(string Host, int Port)> Seeds { get; }

    /// <summary>Who is where, for other services' clients; null in memory.</summary>
    internal MetaStore.NodeDirectory? Nodes => _parts.Nodes;

    /// <summary>What operators do.</summary>
    public DelosAdmin Admin { get; }

    /// <summary>Makes a client without touching the network; the first operation connects.</summary>
    /// <param name="endpoints"><c>delos://host1:port,host2:port</c>: the MetaStore nodes, or some of them.</param>
    /// <param name="options">Default: <see cref="DelosClientOptions.Default"/>.</param>
    /// <exception cref="FormatException">The endpoints are not such a list.</exception>
    public static DelosClient Connect(string endpoints, DelosClientOptions? options = null)
    {
        var seeds = Endpoints.Parse(endpoints);
        return new DelosClient(ClientParts.OverSockets(seeds, (options ?? DelosClientOptions.Default).Validate()), seeds);
    }

    /// <summary>Makes a client and waits until a majority of the MetaStore has answered.</summary>
    /// <exception cref="DelosException">Unavailable, naming the endpoints tried.</exception>
    public static async ValueTask<DelosClient> ConnectAsync(string endpoints, DelosClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        var client = Connect(endpoints, options);
        try
        {
            await client._parts.Nodes!.RefreshAsync(cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch (Exception e)
        {
            await client.DisposeAsync().ConfigureAwait(false);
            if (e is MetaStoreUnavailableException) throw new DelosException(DelosErrorCode.Unavailable, e.Message, e, endpoint: endpoints);
            throw;
        }
    }

    /// <summary>The handle of one log; the same object for the same name until that is disposed. Touches nothing until it is used.</summary>
    /// <param name="name">1 to <see cref="MaxLogName"/> characters: letters, digits, '-', '_', '.', '/'.</param>
    /// <param name="options">Of the first call for that name.</param>
    public DelosLog Log(string name, LogOptions? options = null)
    {
        CheckName(name);
        lock (_lock)
        {
            if (_disposed) throw new DelosException(DelosErrorCode.Closed, "The client was disposed.");
            if (!_logs.TryGetValue(name, out var log)) _logs[name] = log = new DelosLog(name, options ?? LogOptions.Default, _parts);
            return log;
        }
    }

    /// <summary>Another handle of the same log, with a client id, limits and order of its own. The caller disposes it.</summary>
    public DelosLog OpenLog(string name, LogOptions? options = null)
    {
        CheckName(name);
        return new DelosLog(name, options ?? LogOptions.Default, _parts);
    }

    /// <summary>Closes the handles, waiting for their unanswered appends, and the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        DelosLog[] logs;
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            logs = [.. _logs.Values];
        }

        await Task.WhenAll(logs.Select(static l => l.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _parts.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Whether a log can have that name.</summary>
    internal static bool IsName(string name) => name.Length is > 0 and <= MaxLogName && !name.AsSpan().ContainsAnyExcept(s_nameCharacters);

    internal static void CheckName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!IsName(name))
            throw new ArgumentException($"'{name}' is no name of a log: 1 to {MaxLogName} letters, digits, '-', '_', '.' and '/'.", nameof(name));
    }

    private static readonly System.Buffers.SearchValues<char> s_nameCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");

    private void Forget(DelosLog log)
    {
        lock (_lock)
        {
            if (_logs.TryGetValue(log.Name, out var known) && ReferenceEquals(known, log)) _logs.Remove(log.Name);
        }
    }
}

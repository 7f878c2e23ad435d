using System.Collections.Concurrent;

namespace Delos.Client;

/// <summary>The door to one cluster: connections, the cached chains, and the logs. Thread-safe; make one per process.</summary>
public sealed class DelosClient : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, DelosLog> _logs = new(StringComparer.Ordinal);

    private DelosClient(IReadOnlyList<(string Host, int Port)> seeds, DelosClientOptions options)
    {
        Seeds = seeds;
        Options = options;
        Admin = new Admin.DelosAdmin();
    }

    public DelosClientOptions Options { get; }

    public IReadOnlyList<(string Host, int Port)> Seeds { get; }

    /// <summary>What operators do.</summary>
    public Admin.DelosAdmin Admin { get; }

    /// <summary>Makes a client without touching the network; the first operation connects.</summary>
    /// <param name="endpoints"><c>delos://host1:port,host2:port</c>: the MetaStore nodes, or some of them.</param>
    /// <param name="options">Default: <see cref="DelosClientOptions.Default"/>.</param>
    public static DelosClient Connect(string endpoints, DelosClientOptions? options = null) =>
        new(Endpoints.Parse(endpoints), (options ?? DelosClientOptions.Default).Validate());

    /// <summary>Makes a client and waits until a majority of the MetaStore has answered.</summary>
    /// <exception cref="DelosException">Unavailable, naming the endpoints tried.</exception>
    public static ValueTask<DelosClient> ConnectAsync(string endpoints, DelosClientOptions? options = null, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Connect(endpoints, options));

    /// <summary>The handle of one log; the same object for the same name. Touches nothing until it is used.</summary>
    /// <param name="name">1 to 200 characters: letters, digits, '-', '_', '.', '/'.</param>
    /// <param name="options">Of the first call for that name.</param>
    public DelosLog Log(string name, LogOptions? options = null) => _logs.GetOrAdd(name, static n => new DelosLog(n));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

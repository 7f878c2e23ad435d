namespace Delos.Bench.Peers;

/// <summary>The three server processes of a peer.</summary>
internal sealed class Servers : IAsyncDisposable
{
    public const int Count = 3;
    private readonly List<PeerProcess> _processes = [];

    public IReadOnlyList<int> ProcessIds => [.. _processes.Where(p => p.IsRunning).Select(p => p.Id)];

    public PeerProcess this[int index] => _processes[index];

    public void Add(PeerProcess process) => _processes.Add(process);

    /// <summary>The next one after the leader that runs: where a client connects, which knows nothing of leaders.</summary>
    public int FollowerOf(int leader)
    {
        var followers = Enumerable.Range(1, Count - 1).Select(i => (leader + i) % Count);
        return followers.FirstOrDefault(i => _processes[i].IsRunning, leader);
    }

    /// <summary>Tries until it succeeds: the servers are starting, or electing a leader.</summary>
    public async Task<T> UntilAsync<T>(Func<Task<T>> attempt, string what, CancellationToken cancellationToken)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (Exception e) when (e is PeerException or IOException or System.Net.Sockets.SocketException or HttpRequestException)
            {
                if (_processes.Count == Count && _processes.TrueForAll(p => !p.IsRunning)) throw new PeerException($"{what}: all servers have ended; see their output files.", e);
                if (TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(60)) throw new PeerException($"{what}: {e.Message}", e);
                await Task.Delay(200, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes) await process.DisposeAsync().ConfigureAwait(false);
    }
}

using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Client.VirtualLogs;

/// <summary>The Loglets that one handle reads from, opened when first needed and closed when they have left the chain. Thread-safe.</summary>
internal sealed class LogletSet(ILogletFactory factory) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<LogletId, ILoglet> _open = [];
    private readonly List<Task> _closing = [];
    private bool _disposed;

    /// <param name="config">Read from an installed chain.</param>
    public ILoglet Get(LogletConfig config)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_open.TryGetValue(config.Id, out var loglet)) _open[config.Id] = loglet = factory.Open(config);
            return loglet;
        }
    }

    /// <summary>Closes those that the chain does not name any more.</summary>
    public void Keep(Chain chain)
    {
        lock (_lock)
        {
            if (_disposed) return;
            _closing.RemoveAll(static t => t.IsCompletedSuccessfully);
            foreach (var id in _open.Keys.Except(chain.Segments.Select(static s => s.Loglet.Id)).ToList())
            {
                _closing.Add(_open[id].DisposeAsync().AsTask());
                _open.Remove(id);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<Task> closing;
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            closing = [.. _closing, .. _open.Values.Select(static l => l.DisposeAsync().AsTask())];
        }

        await Task.WhenAll(closing).ConfigureAwait(false);
    }
}

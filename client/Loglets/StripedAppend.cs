using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>An append on its way to one stripe, for the append that the owner of the StripedLoglet gave.</summary>
internal sealed class StripedAppend(StripedLoglet owner) : AppendOp
{
    private AppendOp? _append;

    public override AppendClient Client => Append.Client;

    /// <summary>The owner's.</summary>
    public AppendOp Append => _append ?? throw new InvalidOperationException("The append is not under way.");

    public int Stripe { get; private set; }

    public void Begin(AppendOp append, int stripe)
    {
        _append = append;
        Stripe = stripe;
        Sequence = append.Sequence;
        Entry = append.Entry;
    }

    public void End()
    {
        _append = null;
        Entry = null;
    }

    public override void OnCompleted(StatusCode status, long position) => owner.OnStripeCompleted(this, status, position);
}

using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>An append on its way to one stripe, for the append that the owner of the StripedLoglet gave.</summary>
internal sealed class StripedAppend(StripedLoglet owner) : AppendOp
{
    private AppendOp? _append;
    private AppendClient? _client;

    public override AppendClient Client => _client ?? throw new InvalidOperationException("The append is not under way.");

    /// <summary>The owner's.</summary>
    public AppendOp Append => _append ?? throw new InvalidOperationException("The append is not under way.");

    public int Stripe { get; private set; }

    public void Begin(AppendOp append, AppendClient client, int stripe)
    {
        _append = append;
        _client = client;
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

    /// <summary>The appending client as one stripe sees it.</summary>
    internal sealed class StripeClient(StripedLoglet owner, AppendClient client, int stripe) : AppendClient(client.ClientId)
    {
        public AppendClient Owner => client;

        public override ulong Floor
        {
            get => client.Floor;
            set => throw new NotSupportedException("The floor is the appending client's.");
        }

        public override void OnCompletionsDelivered() => owner.OnStripeDelivered(stripe);
    }
}
